//! Programs that say what they were started with.

use super::*;
use crate::sys::proc::Exit;
use std::io::Write;

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

fn shell(script: &str, descriptors: Vec<OwnedFd>) -> Program {
    Program {
        path: c("/bin/sh"),
        argv: vec![c("sh"), c("-c"), c(script)],
        envp: vec![c("GREETING=hello")],
        cwd: c("/"),
        owner: None,
        session: Session::Own,
        descriptors,
    }
}

fn wait(pid: i32) -> Exit {
    use nix::sys::wait::{WaitStatus, waitpid};
    match waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap() {
        WaitStatus::Exited(_, code) => Exit::Code(code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_program_gets_its_environment_directory_and_descriptors() {
    let (output, output_end) = descriptor::pipe().unwrap();
    let (input, input_end) = descriptor::pipe().unwrap();
    let (extra, extra_end) = descriptor::pipe().unwrap();
    File::from(input_end).write_all(b"typed\n").unwrap();
    let error_end = output_end.try_clone().unwrap();
    let script = "read line; echo $GREETING $line $(pwd); echo four >&3; exit 7";
    let pid = spawn(shell(script, vec![input, output_end, error_end, extra_end])).unwrap();
    let mut text = String::new();
    File::from(output).read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello typed /\n");
    text.clear();
    File::from(extra).read_to_string(&mut text).unwrap();
    assert_eq!(text, "four\n");
    assert_eq!(wait(pid), Exit::Code(7));
}

#[test]
fn the_program_has_no_other_descriptors_and_ours_stay() {
    let (output, output_end) = descriptor::pipe().unwrap();
    let (other, other_end) = descriptor::pipe().unwrap();
    let input = File::open("/dev/null").unwrap();
    let error_end = output_end.try_clone().unwrap();
    let look = format!(
        "for n in {} {}; do test -e /proc/self/fd/$n && echo $n; done; test -e /proc/self/fd/2 && echo 2",
        other.as_raw_fd(),
        other_end.as_raw_fd()
    );
    let pid = spawn(shell(&look, vec![input.into(), output_end, error_end])).unwrap();
    let mut text = String::new();
    File::from(output).read_to_string(&mut text).unwrap();
    assert_eq!(text, "2\n");
    assert_eq!(wait(pid), Exit::Code(0));
    File::from(other_end).write_all(b"whole").unwrap();
    text.clear();
    File::from(other).read_to_string(&mut text).unwrap();
    assert_eq!(text, "whole");
}

#[test]
fn the_environment_of_another_user_is_the_same() {
    let (output, output_end) = descriptor::pipe().unwrap();
    let input = File::open("/dev/null").unwrap();
    let error_end = output_end.try_clone().unwrap();
    let mut program = shell("echo $GREETING", vec![input.into(), output_end, error_end]);
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    program.owner = Some(Owner {
        uid: uid.as_raw(),
        gid: gid.as_raw(),
        groups: Vec::new(),
    });
    let result = spawn(program);
    if !uid.is_root() {
        // Only root may change groups, be it to the same ones.
        assert_eq!(result.unwrap_err().step, Step::Owner);
        return;
    }
    let mut text = String::new();
    File::from(output).read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello\n");
    assert_eq!(wait(result.unwrap()), Exit::Code(0));
}

#[test]
fn a_session_is_its_own_or_ours_and_the_group_its_own() {
    use nix::unistd::{Pid, getpgid, getsid};
    for session in [Session::Own, Session::Shared] {
        let (input, _input_end) = descriptor::pipe().unwrap();
        let mut program = shell("read line", vec![input]);
        program.session = session;
        let pid = Pid::from_raw(spawn(program).unwrap());
        assert_eq!(getpgid(Some(pid)).unwrap(), pid);
        let ours = getsid(None).unwrap();
        let expected = if session == Session::Own { pid } else { ours };
        assert_eq!(getsid(Some(pid)).unwrap(), expected);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        nix::sys::wait::waitpid(pid, None).unwrap();
    }
}

#[test]
fn what_failed_and_why_is_known() {
    let mut missing = shell("", vec![]);
    missing.path = c("/nonexistent/program");
    let error = spawn(missing).unwrap_err();
    assert_eq!(
        (error.step, error.source.kind()),
        (Step::Exec, io::ErrorKind::NotFound)
    );
    let mut nowhere = shell("", vec![]);
    nowhere.cwd = c("/nonexistent");
    assert_eq!(spawn(nowhere).unwrap_err().step, Step::Directory);
}
