//! Sink: where messages end.
//!
//! Invariant: holds nothing: what arrives is delivered or refused at once.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Sink;
use crate::sim::consume;
use crate::sim::effects::Effects;
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::node::Occasion;
use crate::sim::row::{Fate, HopKind, Outcome};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a sink is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SinkParameters {
    reception: Reception,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Reception {
    Takes,
    Refuses,
}

/// Makes a scene's sink ready to run.
pub fn compile(sink: &Sink) -> SinkParameters {
    SinkParameters { reception: if sink.refuses { Reception::Refuses } else { Reception::Takes } }
}

// --- State: everything that changes; nothing about a sink lives elsewhere ---

/// What a sink remembers: how much it took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SinkState {
    taken: u64,
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &SinkParameters, state: &mut SinkState, event: &SimEvent, effects: &mut Effects) {
    match (event.class, event.kind) {
        (Class::Arrival, HopKind::Batch) => consume::take_all(event, effects, |envelope, effects| {
            state.taken += 1;
            effects.end(&envelope, Fate::Delivered);
        }),
        (Class::Arrival, HopKind::Event | HopKind::Retry | HopKind::Request | HopKind::DeadLetter) => {
            arrive(parameters, state, event, effects);
        }
        (Class::Timer, _) | (Class::Arrival, _) => consume::answered(event, effects),
        (Class::Command, _) => {}
    }
}

fn arrive(parameters: &SinkParameters, state: &mut SinkState, event: &SimEvent, effects: &mut Effects) {
    if parameters.reception == Reception::Refuses {
        return effects.refuse(event, Outcome::Failed);
    }
    state.taken += 1;
    effects.receipt(event, Outcome::Accepted);
    let envelope = event.envelope();
    if event.custody == Custody::Moves {
        effects.end(&envelope, Fate::Delivered);
    }
    effects.reply(event, HopKind::Reply, envelope, Custody::Stays);
}

/// Handles what happens to the sink itself.
pub fn occasion(occasion: Occasion, effects: &mut Effects) {
    if matches!(occasion, Occasion::Begin | Occasion::Started) {
        consume::begin(effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Client, Kind, Queue, Retry, Traffic};
    use crate::scene::units::Rate;
    use crate::sim::row::Metric;
    use crate::sim::testing::{Sketch, steady};

    fn fed(sink: Sink) -> Sketch {
        let traffic = Traffic::Constant(Rate::per_second(10.0));
        let client = Client { traffic, retry: Retry::never(), ..Client::default() };
        Sketch::default()
            .node("source", steady(10.0))
            .node("client", Kind::Client(client))
            .node("sink", Kind::Sink(sink))
            .link("source", "sink")
            .request("client", "sink")
    }

    #[test]
    fn a_sink_takes_events_requests_and_what_waits_in_queues() {
        let sketch = fed(Sink::default())
            .node("more", steady(10.0))
            .node("queue", Kind::Queue(Queue::default()))
            .link("more", "queue")
            .link("queue", "sink");
        let ran = sketch.run_both(950);
        assert_eq!(ran.ends("sink", Fate::Delivered), 30);
        assert_eq!(ran.measures("client", Metric::Response), [2; 10]);
    }

    #[test]
    fn a_sink_that_refuses_ends_events_as_failed_and_answers_requests_with_errors() {
        let ran = fed(Sink { refuses: true }).run_both(950);
        assert_eq!(ran.ends("sink", Fate::Failed), 20);
        assert_eq!(ran.hops("client", "sink", HopKind::Error).len(), 10);
    }
}
