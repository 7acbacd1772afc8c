//! The wish to stop: a signal from outside, told to every part that waits for it.

use tokio::sync::watch;

/// Tells every [`StopWatch`] that the process stops.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

/// Waits for the process to stop. Cloned into every part that must end then.
#[derive(Clone, Debug)]
pub struct StopWatch(watch::Receiver<bool>);

/// A switch and the watch that follows it.
pub fn stop_switch() -> (StopSwitch, StopWatch) {
    let (sender, receiver) = watch::channel(false);
    (StopSwitch(sender), StopWatch(receiver))
}

impl StopSwitch {
    /// Tells everyone. Telling twice is telling once.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl StopWatch {
    /// Whether the process stops.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns when the process stops, at once if it already does. A switch that is gone counts as stopping.
    pub async fn stopped(&mut self) {
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

/// The signals that ask the process to end. From when it is made they no longer end it by themselves.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Listens for SIGTERM and SIGINT.
    ///
    /// # Errors
    /// When the system refuses that.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when one has come.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing has to be set up here.
    ///
    /// # Errors
    /// None.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Returns when Ctrl-C has come.
    pub async fn received(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_hears_of_the_stop_also_who_asks_later() {
        let (switch, mut watch) = stop_switch();
        let mut early = watch.clone();
        let waiting = tokio::spawn(async move { early.stopped().await });
        switch.stop();
        waiting.await.unwrap();
        watch.stopped().await;
    }

    #[tokio::test]
    async fn a_lost_switch_counts_as_stop() {
        let (switch, mut watch) = stop_switch();
        drop(switch);
        watch.stopped().await;
    }
}
