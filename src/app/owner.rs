//! The user and group an app runs as.

use nix::unistd::{Group, User};
use serde_json::Value;

use super::{AppError, Caller, Declaration};

/// User and group as numbers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The user, unless only a group is declared.
    pub user: Option<OwnerUser>,
    /// Group id.
    pub gid: u32,
}

/// A user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnerUser {
    /// User id.
    pub uid: u32,
    /// Home folder.
    pub home: String,
}

/// Looks up what the declaration names; the group is the user's unless it is declared.
pub(super) fn find(declaration: &Declaration, caller: &Caller) -> Result<Option<Owner>, AppError> {
    let (uid, gid) = (declaration.get("uid"), declaration.get("gid"));
    if uid.is_none() && gid.is_none() {
        return Ok(None);
    }
    if !caller.is_root {
        return Err(AppError::NotRoot);
    }
    let user = uid.map(find_user).transpose()?;
    let declared = gid.map(find_group).transpose()?;
    let Some(gid) = declared.or(user.as_ref().map(|user| user.gid.as_raw())) else {
        return Ok(None);
    };
    let user = user.map(|user| OwnerUser {
        uid: user.uid.as_raw(),
        home: user.dir.to_string_lossy().into_owned(),
    });
    Ok(Some(Owner { user, gid }))
}

fn find_user(uid: &Value) -> Result<User, AppError> {
    let found = match id(uid) {
        Some(number) => User::from_uid(number.into()),
        None => User::from_name(uid.as_str().unwrap_or_default()),
    };
    found
        .ok()
        .flatten()
        .ok_or_else(|| AppError::User(shown(uid)))
}

fn find_group(gid: &Value) -> Result<u32, AppError> {
    let found = match id(gid) {
        // A group without an entry is still a group.
        Some(number) => return Ok(number),
        None => Group::from_name(gid.as_str().unwrap_or_default()),
    };
    found
        .ok()
        .flatten()
        .map(|group| group.gid.as_raw())
        .ok_or_else(|| AppError::Group(shown(gid)))
}

fn id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
