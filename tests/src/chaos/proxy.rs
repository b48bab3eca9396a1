//! What lies between a client and a server on a bad day: a TCP proxy that cuts, delays, splits and garbles.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How bad the way is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// How likely it is that something happens on a stretch of bytes.
    pub(super) trouble: f64,
    /// The most bytes that pass in a direction before it happens.
    pub(super) furthest: usize,
    /// The longest pause that is made. What a client sends is held up for less than twice that, so that no request
    /// arrives after its client has found out that it has not.
    pub(super) pause: Duration,
}

/// What happens to one connection.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    /// Both sides see a reset.
    Reset,
    /// Both sides see an end.
    Close,
    /// The client sees an end, the server nothing.
    HalfClose,
    /// Nothing passes any more, and nobody is told.
    Stall,
    /// The client gets noise in place of the rest, then an end.
    Garbage,
    /// One pause, then all is well.
    Delay(Duration),
    /// Every piece that the client gets comes after a pause.
    Slow(Duration),
    /// Pieces of a few bytes.
    Split,
}

/// What happens to one connection, and when.
#[derive(Clone, Copy, Debug)]
struct Fate {
    trouble: Trouble,
    /// After so many bytes of that direction.
    after: usize,
    counts_upwards: bool,
}

impl Fate {
    fn roll(dice: &mut StdRng, weather: &Weather) -> Self {
        let pause = weather.pause.mul_f64(dice.random_range(0.01..1.0));
        // Most of what matters happens in the first bytes; some must come late.
        let after = match dice.random_range(0..4) {
            0 => dice.random_range(0..weather.furthest.min(64)),
            1 => dice.random_range(0..weather.furthest.min(1_500)),
            _ => dice.random_range(0..weather.furthest),
        };
        let trouble = match dice.random_range(0..9) {
            _ if !dice.random_bool(weather.trouble) => Trouble::None,
            0 | 1 => Trouble::Reset,
            2 => Trouble::Close,
            3 => Trouble::HalfClose,
            4 => Trouble::Stall,
            5 => Trouble::Garbage,
            6 => Trouble::Delay(pause),
            7 => Trouble::Slow(pause / 8),
            _ => Trouble::Split,
        };
        Self { trouble, after, counts_upwards: dice.random_bool(0.4) }
    }
}

/// A running proxy; dropping it ends it and cuts all that goes through it.
pub(super) struct Proxy {
    /// Its address, `127.0.0.1:PORT`.
    pub(super) address: String,
    /// How often something has happened.
    pub(super) troubles: Arc<AtomicUsize>,
    weather: Arc<Mutex<Weather>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy of `target`; what happens to which connection comes from the seed.
    pub(super) async fn start(target: String, seed: u64, weather: Weather) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let troubles = Arc::<AtomicUsize>::default();
        let weather = Arc::new(Mutex::new(weather));
        let (counter, at_the_time) = (troubles.clone(), weather.clone());
        let task = tokio::spawn(async move {
            let mut dice = StdRng::seed_from_u64(seed);
            let mut open = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let weather = *at_the_time.lock().unwrap_or_else(PoisonError::into_inner);
                let dice = StdRng::seed_from_u64(dice.random());
                let (target, counter) = (target.clone(), counter.clone());
                open.spawn(async move {
                    let Ok(far) = TcpStream::connect(&target).await else { return };
                    let _ = (near.set_nodelay(true), far.set_nodelay(true));
                    pass(near, far, dice, &weather, &counter).await;
                });
                while open.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, troubles, weather, task })
    }

    /// Changes the weather for connections that begin from now on.
    pub(super) fn set_weather(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }
}

/// Passes bytes both ways until both sides or a fate end it. What does not end it is followed by another fate.
async fn pass(
    mut near: TcpStream,
    mut far: TcpStream,
    mut dice: StdRng,
    weather: &Weather,
    troubles: &AtomicUsize,
) {
    let (mut up, mut down) = ([0; 4_096], [0; 4_096]);
    let (mut near_ended, mut far_ended) = (false, false);
    let mut fate = Fate::roll(&mut dice, weather);
    let mut manner = Trouble::None;
    while !(near_ended && far_ended) {
        let (upwards, read) = tokio::select! {
            read = near.read(&mut up), if !near_ended => (true, read.unwrap_or(0)),
            read = far.read(&mut down), if !far_ended => (false, read.unwrap_or(0)),
        };
        if read == 0 {
            // The one that is gone gets nothing more; the other is told.
            let told = if upwards { far.shutdown().await } else { near.shutdown().await };
            (near_ended, far_ended) = (near_ended || upwards, far_ended || !upwards);
            if told.is_err() {
                return;
            }
            continue;
        }
        let counted = upwards == fate.counts_upwards;
        let before = if counted { read.min(fate.after) } else { read };
        let (data, to) = if upwards { (&up[..read], &mut far) } else { (&down[..read], &mut near) };
        if send(to, &data[..before], upwards, manner).await.is_err() {
            return;
        }
        if !counted {
            continue;
        }
        fate.after -= before;
        if fate.after > 0 {
            continue;
        }
        let happens = fate.trouble;
        if !matches!(happens, Trouble::None) {
            troubles.fetch_add(1, Ordering::Relaxed);
        }
        match happens {
            Trouble::None | Trouble::Slow(_) | Trouble::Split => manner = happens,
            Trouble::Delay(pause) => tokio::time::sleep(pause).await,
            Trouble::Reset => {
                let _ = (near.set_zero_linger(), far.set_zero_linger());
                return;
            }
            Trouble::Close => return,
            Trouble::HalfClose => {
                let _ = near.shutdown().await;
                return drain(&mut far).await;
            }
            Trouble::Stall => return drain(&mut near).await,
            Trouble::Garbage => {
                let mut noise = vec![0; dice.random_range(1..20_000)];
                dice.fill(&mut noise[..]);
                let _ = near.write_all(&noise).await;
                let _ = near.shutdown().await;
                return;
            }
        }
        fate = Fate::roll(&mut dice, weather);
        // The rest of the piece in which it happened.
        let (rest, to) =
            if upwards { (&up[before..read], &mut far) } else { (&down[before..read], &mut near) };
        if send(to, rest, upwards, manner).await.is_err() {
            return;
        }
    }
}

/// Sends a piece in this manner.
async fn send(to: &mut TcpStream, data: &[u8], upwards: bool, manner: Trouble) -> std::io::Result<()> {
    match manner {
        Trouble::Split => {
            for (number, bytes) in data.chunks(7).enumerate() {
                to.write_all(bytes).await?;
                if number < 200 {
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        }
        Trouble::Slow(pause) if !upwards => {
            tokio::time::sleep(pause).await;
            to.write_all(data).await
        }
        _ => to.write_all(data).await,
    }
}

/// Takes what comes and gives it to nobody, until nothing comes any more.
async fn drain(from: &mut TcpStream) {
    let mut nowhere = [0; 4_096];
    while matches!(from.read(&mut nowhere).await, Ok(read) if read > 0) {}
}
