//! A server that answers whatever it is asked with all that it was told: what an error quotes of an answer holds secrets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

/// The ways in which it answers.
pub(crate) const WAYS: usize = 9;

/// Starts it, to end with the test; returns the root of its public API. Tokens are `token`.
pub(crate) fn start(way: usize, token: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}/api/public/v1", listener.local_addr().unwrap());
    let (token, asked) = (Arc::new(token.to_owned()), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (token, asked) = (token.clone(), asked.clone());
            // A client that goes away ends its connection only.
            std::thread::spawn(move || answer(stream, way, &token, &asked).ok());
        }
    });
    root
}

fn answer(stream: TcpStream, way: usize, token: &str, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body);
    let stream = stream.get_mut();
    let of_token = head.contains("/applications/token");
    if of_token && way != 8 {
        let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 900 });
        return write(stream, 200, "application/json", "", &answer.to_string());
    }
    let bare = texts(&serde_json::from_str(&body).unwrap_or_default());
    // What it was told, and no more: a secret of its own is its own affair.
    let told = if head.contains(token) { token } else { "none" };
    let said = format!("no good: {head} {body} {} the token {told}, that is", bare.join(" "));
    let problem = json!({
        "type": "https://reference.airbyte.com/reference/errors#bad-request", "title": said, "detail": said,
        "message": said, "error": "invalid_client", "error_description": said, "data": { "message": said },
        "exceptionStack": [said], "rootCauseExceptionStack": [said],
        "validationErrors": [{ "propertyPath": said, "message": said, "invalidValue": said }],
        "_embedded": { "errors": [{ "message": said }] },
    });
    let json = "application/json";
    match way {
        0 => write(stream, 422, json, "", &problem.to_string()),
        1 => write(stream, 401, "text/plain", "", &said),
        2 => write(stream, 403, "text/html", "", &format!("<html><title>{said}</title>{said}</html>")),
        3 => write(stream, 400, json, "", &problem.to_string()),
        // Not what was promised: what the decoder says of it quotes it.
        4 => write(
            stream,
            200,
            json,
            "",
            &json!({ "data": said, "jobId": said, "connectionId": said }).to_string(),
        ),
        5 if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => {
            write(stream, 503, json, "retry-after: 0\r\n", &problem.to_string())
        }
        5 => write(stream, 409, json, "", &problem.to_string()),
        6 => {
            let place =
                format!("location: https://elsewhere.example/{told}?{}", bare.join("").replace(' ', ""));
            write(stream, 302, json, &place, "")
        }
        // Half an answer; no second one is any better.
        7 => write(
            stream,
            404,
            json,
            "content-encoding: identity\r\n",
            &problem.to_string()[..200.min(said.len())],
        ),
        _ => write(stream, 401, json, "", &problem.to_string()),
    }
}

/// All texts of a JSON value.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn write(stream: &mut TcpStream, status: u16, kind: &str, more: &str, body: &str) -> std::io::Result<()> {
    // Headers hold one line each.
    let more = more.trim_end().replace(['\r', '\n'], "");
    let more = if more.is_empty() { more } else { format!("{more}\r\n") };
    let head = format!(
        "HTTP/1.1 {status} Told\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    stream.flush()
}
