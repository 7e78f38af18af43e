//! `update` where there is nothing to update.

use bytes::BytesMut;
use rpm2::protocol::{call, frame::FrameCodec, json::Json, message::Pair};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::UnixListener};
use tokio_stream::StreamExt;
use tokio_util::codec::FramedRead;

use crate::support::homes::TestHome;

#[tokio::test]
async fn without_a_daemon_there_is_nothing_to_update_and_none_is_launched() {
    let home = TestHome::new();
    for verb in ["update", "updatePM2", "updatepm2"] {
        let (code, said, _) = home.command(&[verb]);
        assert_eq!(code, 0);
        assert!(said.contains("nothing to update"), "{said}");
    }
    let done = home.session().ok("update", json!([])).await;
    assert_eq!(done, json!({ "success": true }));
    assert!(!home.home().rpc_socket().exists());
}

#[tokio::test]
async fn a_daemon_of_pm2_itself_is_refused() {
    let home = TestHome::new();
    home.home().create().unwrap();
    let listener = UnixListener::bind(home.home().rpc_socket()).unwrap();
    let pm2 = async {
        let (read, mut write) = listener.accept().await.unwrap().0.into_split();
        let mut frames = FramedRead::new(read, FrameCodec::new());
        while let Some(frame) = frames.next().await {
            let pair = Pair::try_from(frame.unwrap()).unwrap();
            let (_, id) = call::open(&pair).unwrap();
            let mut reply = BytesMut::new();
            call::encode_result(
                Json::of(&json!({ "pm2_version": "7.0.4" })).as_ref(),
                id,
                &mut reply,
            )
            .unwrap();
            write.write_all(&reply).await.unwrap();
        }
    };
    let client = home.session();
    let error = tokio::select! {
        error = client.refused("update", json!([])) => error,
        () = pm2 => panic!("the client left"),
    };
    assert!(
        error.contains("pm2 7.0.4") && error.contains("pm2 kill"),
        "{error}"
    );
}
