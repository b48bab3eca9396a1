//! A proxy that resets connections in the middle of whatever they carry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The most bytes that pass before a reset.
const FURTHEST: usize = 40_000;

pub(crate) struct FlakyProxy {
    /// Its address, `127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) resets: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FlakyProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FlakyProxy {
    /// A proxy of `target`. Every connection is reset once so many bytes, both ways together, have passed.
    pub(crate) async fn start(target: String, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let resets = Arc::<AtomicUsize>::default();
        let counter = resets.clone();
        let task = tokio::spawn(async move {
            let mut dice = StdRng::seed_from_u64(seed);
            while let Ok((near, _)) = listener.accept().await {
                let (target, counter) = (target.clone(), counter.clone());
                let allowance = dice.random_range(100..FURTHEST);
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(&target).await else { return };
                    if pass(near, far, allowance).await {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { address, resets, task }
    }
}

/// Passes bytes both ways; true if the connection was reset because the allowance was used up.
async fn pass(mut near: TcpStream, mut far: TcpStream, mut allowance: usize) -> bool {
    let (mut up, mut down) = ([0; 1_024], [0; 1_024]);
    loop {
        let (count, to, data) = tokio::select! {
            read = near.read(&mut up) => (read.unwrap_or(0), &mut far, &up),
            read = far.read(&mut down) => (read.unwrap_or(0), &mut near, &down),
        };
        if count == 0 || to.write_all(&data[..count.min(allowance)]).await.is_err() {
            return false;
        }
        if count >= allowance {
            // Both sides see a reset instead of an orderly end.
            let _ = (near.set_zero_linger(), far.set_zero_linger());
            return true;
        }
        allowance -= count;
    }
}
