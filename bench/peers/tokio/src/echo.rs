//! The echo server: a task per connection.

use std::io::Write;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::measure;

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = vec![0; 16 * 1024];
    stream.set_nodelay(true)?;
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}

const HELD: Duration = Duration::from_millis(50);
const FREE: Duration = Duration::from_millis(5);

async fn hog(hold: fn(Duration)) {
    loop {
        hold(HELD);
        tokio::time::sleep(FREE).await;
    }
}

/// Takes nothing, or "spin" or "sleep" and a number.
fn start_hogs(args: &[String]) -> Option<()> {
    let [kind, count] = args else {
        return args.is_empty().then_some(());
    };
    let hold = match kind.as_str() {
        "spin" => measure::spin,
        "sleep" => std::thread::sleep,
        _ => return None,
    };
    for _ in 0..count.parse().ok()? {
        tokio::spawn(hog(hold));
    }
    Some(())
}

/// Prints the port and serves until the process is killed.
pub async fn run(hogs: Vec<String>) -> std::io::Result<()> {
    start_hogs(&hogs).ok_or(std::io::ErrorKind::InvalidInput)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A client that goes away ends its own connection only.
            let _ = serve(stream).await;
        });
    }
}
