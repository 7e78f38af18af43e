//! The user and groups an app runs as: names and numbers from its attributes to numbers.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use serde_json::Value;

use super::{command::ProcessError, record::Pm2Env};
use crate::sys::spawn::Owner;

/// The owner that `uid` and `gid` ask for, if any, and the HOME that goes with it. Only root may ask.
pub(super) fn resolve(env: &Pm2Env) -> Result<(Option<Owner>, Option<String>), ProcessError> {
    let (uid, gid) = (wanted(env, "uid"), wanted(env, "gid"));
    if uid.is_none() && gid.is_none() {
        return Ok((None, None));
    }
    if !Uid::effective().is_root() {
        return Err(ProcessError::Attributes(
            "uid and gid can only be set by root; start the daemon as root or remove them"
                .to_owned(),
        ));
    }
    let user = uid.as_deref().map(find_user).transpose()?;
    let gid = match gid.as_deref().map(find_group).transpose()? {
        Some(gid) => gid,
        None => user.as_ref().map_or_else(Gid::effective, |user| user.gid),
    };
    let uid = user.as_ref().map_or_else(Uid::effective, |user| user.uid);
    let groups = user
        .as_ref()
        .and_then(|user| getgrouplist(&CString::new(user.name.as_str()).ok()?, gid).ok())
        .unwrap_or_else(|| vec![gid]);
    let home = user
        .map(|user| user.dir.to_string_lossy().into_owned())
        .filter(|home| !home.is_empty());
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    Ok((
        Some(Owner {
            uid: uid.as_raw(),
            gid: gid.as_raw(),
            groups,
        }),
        home,
    ))
}

fn wanted(env: &Pm2Env, key: &str) -> Option<String> {
    match env.get(key)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn find_user(wanted: &str) -> Result<User, ProcessError> {
    let found = match wanted.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(wanted),
    };
    match (found, wanted.parse::<u32>()) {
        (Ok(Some(user)), _) => Ok(user),
        // A number needs no name to be used.
        (_, Ok(number)) => Ok(nameless(number)),
        _ => Err(ProcessError::Attributes(format!(
            "there is no user `{wanted}` on this machine; check `uid`"
        ))),
    }
}

fn nameless(number: u32) -> User {
    User {
        name: String::new(),
        passwd: CString::default(),
        uid: Uid::from_raw(number),
        gid: Gid::from_raw(number),
        gecos: CString::default(),
        dir: "".into(),
        shell: "".into(),
    }
}

fn find_group(wanted: &str) -> Result<Gid, ProcessError> {
    if let Ok(number) = wanted.parse() {
        return Ok(Gid::from_raw(number));
    }
    match Group::from_name(wanted) {
        Ok(Some(group)) => Ok(group.gid),
        _ => Err(ProcessError::Attributes(format!(
            "there is no group `{wanted}` on this machine; check `gid`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owner_of(env: Value) -> Result<(Option<Owner>, Option<String>), ProcessError> {
        resolve(env.as_object().unwrap())
    }

    #[test]
    fn nobody_asks_for_anything() {
        assert!(matches!(owner_of(json!({})), Ok((None, None))));
    }

    #[test]
    fn names_and_numbers_are_found_for_root_and_refused_for_others() {
        let by_name = owner_of(json!({ "uid": "daemon" }));
        if Uid::effective().is_root() {
            let (Some(owner), home) = by_name.unwrap() else {
                panic!("an owner")
            };
            let user = User::from_name("daemon").unwrap().unwrap();
            assert_eq!(
                (owner.uid, owner.gid),
                (user.uid.as_raw(), user.gid.as_raw())
            );
            assert_eq!(home, Some(user.dir.to_string_lossy().into_owned()));
            let (Some(owner), _) = owner_of(json!({ "uid": 12345, "gid": 54321 })).unwrap() else {
                panic!("an owner")
            };
            assert_eq!((owner.uid, owner.gid), (12345, 54321));
            let error = owner_of(json!({ "uid": "no-such-user" }))
                .unwrap_err()
                .to_string();
            assert!(error.contains("no-such-user"), "{error}");
        } else {
            assert!(by_name.unwrap_err().to_string().contains("root"));
        }
    }
}
