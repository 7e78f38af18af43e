//! Verbs that are one call of the daemon and nothing else.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::send_data_to_process_id::packet;

/// The call that is all of a verb.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::client) struct Single<'a> {
    /// The daemon's method.
    pub method: &'static str,
    /// The JSON of its argument.
    pub argument: Cow<'a, str>,
}

/// The call of `verb` with `args`, a JSON array; `None` for verbs that are more, and for arguments that are wrong:
/// [`dispatch`](super::dispatch) says what about them.
pub(in crate::client) fn single<'a>(verb: &str, args: &'a str) -> Option<Single<'a>> {
    let single = |method, argument| Some(Single { method, argument });
    let asked = |method| single(method, "{}".into());
    match verb {
        "list" | "jlist" => asked("getMonitorData"),
        "ping" => asked("ping"),
        "getVersion" => asked("getVersion"),
        "sendDataToProcessId" => single("sendDataToProcessId", packet(&read(args)?)?),
        "msgProcess" => match read(args)?[..] {
            [command, ..] if command.get().starts_with('{') => {
                single("msgProcess", command.get().into())
            }
            _ => None,
        },
        _ => None,
    }
}

fn read(args: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(args).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_single_calls() {
        let table = [
            ("list", "[]", Some(("getMonitorData", "{}"))),
            ("jlist", "[]", Some(("getMonitorData", "{}"))),
            ("ping", "[1]", Some(("ping", "{}"))),
            ("getVersion", "[]", Some(("getVersion", "{}"))),
            (
                "sendDataToProcessId",
                r#"[{"id":1, "data":"\ud800"}]"#,
                Some(("sendDataToProcessId", r#"{"id":1, "data":"\ud800"}"#)),
            ),
            (
                "sendDataToProcessId",
                r#"[7,{"data":1}]"#,
                Some(("sendDataToProcessId", r#"{"data":1,"id":7}"#)),
            ),
            (
                "msgProcess",
                r#"[{"id":1,"msg":"x"}]"#,
                Some(("msgProcess", r#"{"id":1,"msg":"x"}"#)),
            ),
            ("sendDataToProcessId", "[]", None),
            ("sendDataToProcessId", "[7,8]", None),
            ("sendDataToProcessId", "[", None),
            ("msgProcess", "[]", None),
            ("msgProcess", "[\"x\"]", None),
            ("start", "[\"x\"]", None),
        ];
        for (verb, args, expected) in table {
            let found = single(verb, args);
            let found = found.as_ref().map(|call| (call.method, &call.argument[..]));
            assert_eq!(found, expected, "{verb} {args}");
        }
    }
}
