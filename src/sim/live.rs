//! Live: a run on a thread of its own, which goes as far as it is allowed and takes commands on the way.
//!
//! Invariant: a command acts at the live edge, the instant before which everything has happened.
//! Invariant: nothing is dropped; only a full channel to the recording makes the engine wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::scene::time::{SimSpan, SimTime};
use crate::sim::command::{Command, CommandAction};
use crate::sim::model::Model;
use crate::sim::row::Delivery;
use crate::sim::run::{EngineFigures, Options, RunError, Simulation};

/// Orders that may wait for the engine; a person gives far fewer.
const ORDERS_MAX: usize = 1_024;
/// The engine looks for orders at least after this much simulated time, however far its horizon is.
const SLICE: SimSpan = SimSpan::from_millis(100);

enum Order {
    Horizon(SimTime),
    Command(CommandAction),
    Stop,
}

/// A run on its own thread.
pub struct Engine {
    orders: Sender<Order>,
    now: Arc<AtomicU64>,
    thread: Option<JoinHandle<EngineFigures>>,
}

/// Starts a run that stands still until it is given a horizon. Rows go to `deliveries`.
///
/// `commands` act at their instants: those of a recording that is run again.
pub fn spawn(
    model: Arc<Model>,
    options: Options,
    commands: &[Command],
    deliveries: Sender<Delivery>,
) -> Result<Engine, RunError> {
    let mut simulation = Simulation::new(model, options)?;
    for command in commands {
        simulation.schedule(command.clone())?;
    }
    let (orders, incoming) = bounded(ORDERS_MAX);
    let now = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&now);
    let run = move || work(simulation, &incoming, &shown, &deliveries);
    let spawned = std::thread::Builder::new().name("engine".to_owned()).spawn(run);
    let thread = spawned.map_err(|error| RunError::Threads { threads: 1, reason: error.to_string() })?;
    Ok(Engine { orders, now, thread: Some(thread) })
}

fn work(
    mut simulation: Simulation,
    orders: &Receiver<Order>,
    now: &AtomicU64,
    deliveries: &Sender<Delivery>,
) -> EngineFigures {
    let mut horizon = SimTime::ZERO;
    // A recording that nobody writes any more ends the run: its receiver is gone.
    let mut listening = true;
    let mut deliver = |delivery| listening &= deliveries.send(delivery).is_ok();
    loop {
        let order =
            if simulation.now() < horizon { orders.try_recv().ok() } else { orders.recv().ok().or(Some(Order::Stop)) };
        match order {
            Some(Order::Horizon(to)) => horizon = to,
            Some(Order::Command(action)) => {
                // Only an id that is gone fails, and then there is nothing to act on.
                if let Err(error) = simulation.command(action) {
                    log_refused(&error);
                }
            }
            Some(Order::Stop) => break,
            None => {
                simulation.run_until(horizon.min(simulation.now() + SLICE), &mut deliver);
                now.store(simulation.now().nanos(), Ordering::Release);
            }
        }
    }
    simulation.end(&mut deliver);
    simulation.figures()
}

fn log_refused(error: &RunError) {
    eprintln!("eventscape: a command did not act: {error}");
}

impl Engine {
    /// Lets the run go on to `to`, and no further.
    pub fn set_horizon(&self, to: SimTime) {
        // A stopped engine has no receiver; there is nothing left to move.
        drop(self.orders.send(Order::Horizon(to)));
    }

    /// Lets a command act at the live edge.
    pub fn command(&self, action: CommandAction) {
        drop(self.orders.send(Order::Command(action)));
    }

    /// The instant before which everything has happened.
    pub fn now(&self) -> SimTime {
        SimTime::from_nanos(self.now.load(Ordering::Acquire))
    }

    /// Ends the run and its recording where it stands, and says what it did.
    pub fn stop(mut self) -> EngineFigures {
        drop(self.orders.send(Order::Stop));
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.orders.send(Order::Stop));
    }
}
