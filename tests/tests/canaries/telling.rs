//! A PostgreSQL that asks for the password in clear text, and says in its refusal what it was told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Starts it, to end with the test; returns its port.
pub(crate) fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || refuse(stream).ok());
        }
    });
    port
}

fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4])?;
    stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3])?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut password = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4];
    stream.read_exact(&mut password)?;
    let said = String::from_utf8_lossy(&password).trim_end_matches('\0').to_owned();
    let mut body = Vec::new();
    for (field, text) in [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', "28P01"),
        (b'M', &format!("the password {said} is wrong")),
        (b'D', &format!("it was {said}")),
        (b'H', &format!("do not say {said} again")),
    ] {
        body.push(field);
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    stream.write_all(b"E")?;
    stream.write_all(&u32::try_from(body.len() + 4).unwrap().to_be_bytes())?;
    stream.write_all(&body)
}
