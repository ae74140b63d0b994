//! Producer: states that something happened, at a rate.
//!
//! Invariant: it never waits: what it sends is out of its hands at once.

use serde::{Deserialize, Serialize};

use crate::scene::kind::Producer;
use crate::scene::time::SimTime;
use crate::sim::consume;
use crate::sim::effects::{Effects, Parcel, Power};
use crate::sim::event::{Class, Custody, SimEvent};
use crate::sim::id::MessageId;
use crate::sim::node::traffic::{PayloadChoice, TrafficModel};
use crate::sim::node::{Occasion, Templates};
use crate::sim::row::{Direction, Fate, HopKind};

// --- Parameters: what the scene says; constant while a run lasts ---

/// What a producer is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProducerParameters {
    /// When it sends.
    pub traffic: TrafficModel,
    payloads: PayloadChoice,
    start: SimTime,
    end: SimTime,
}

/// Makes a scene's producer ready to run.
pub fn compile(producer: &Producer, templates: Templates) -> ProducerParameters {
    ProducerParameters {
        traffic: TrafficModel::new(&producer.traffic),
        payloads: PayloadChoice::new(&producer.payloads, templates),
        start: SimTime::ZERO + producer.start.span(),
        end: producer.end.map_or(SimTime::MAX, |end| SimTime::ZERO + end.span()),
    }
}

// --- State: everything that changes; nothing about a producer lives elsewhere ---

/// What a producer remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProducerState {
    sends: u64,
    generation: u32,
}

// --- Behaviour: one function per event, in the order of a message's life ---

/// Handles an event.
pub fn handle(parameters: &ProducerParameters, state: &mut ProducerState, event: &SimEvent, effects: &mut Effects) {
    match event.class {
        Class::Timer if event.token == state.generation => due(parameters, state, effects),
        Class::Arrival => consume::answered(event, effects),
        Class::Timer | Class::Command => {}
    }
}

/// Handles what happens to the producer itself.
pub fn occasion(parameters: &ProducerParameters, state: &mut ProducerState, occasion: Occasion, effects: &mut Effects) {
    state.generation += 1;
    match occasion {
        Occasion::Begin | Occasion::Started | Occasion::Reconfigured => {
            let start = parameters.start.max(effects.now);
            let first = match occasion {
                Occasion::Begin => parameters.traffic.first(start, effects.common.key),
                _ => parameters.traffic.next(start, state.sends, effects.common.key),
            };
            arm(parameters, state, first, effects);
        }
        Occasion::Stopped => {}
        Occasion::Send(count) => {
            (0..count).for_each(|_| send(parameters, effects));
            let next = parameters.traffic.next(effects.now, state.sends, effects.common.key);
            arm(parameters, state, next, effects);
        }
    }
}

fn arm(parameters: &ProducerParameters, state: &ProducerState, at: Option<SimTime>, effects: &mut Effects) {
    let on = effects.common.power == Power::On;
    if let Some(at) = at.filter(|at| on && *at < parameters.end) {
        effects.timer(0, at, state.generation, MessageId::NONE);
    }
}

fn due(parameters: &ProducerParameters, state: &mut ProducerState, effects: &mut Effects) {
    for _ in 0..parameters.traffic.count() {
        send(parameters, effects);
    }
    state.sends += 1;
    let next = parameters.traffic.next(effects.now, state.sends, effects.common.key);
    arm(parameters, state, next, effects);
}

/// One message, a copy of it over each further link.
fn send(parameters: &ProducerParameters, effects: &mut Effects) {
    let payload = parameters.payloads.draw(effects, effects.next_message());
    let message = effects.produce(payload);
    let links = &effects.ports().events;
    let Some((first, others)) = links.split_first() else {
        return effects.end(&message, Fate::Filtered);
    };
    let parcel = Parcel { kind: HopKind::Event, envelope: message, custody: Custody::Moves, token: 0, count: 1 };
    effects.send(*first, Direction::Forward, parcel);
    for link in others {
        let envelope = effects.copy(&message, payload);
        effects.send(*link, Direction::Forward, Parcel { envelope, ..parcel });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::kind::{Kind, PayloadTemplate, Router, Sink, Traffic};
    use crate::scene::units::{Duration, Rate};
    use crate::sim::testing::{Sketch, departure, poisson, stop};

    fn told(producer: Producer) -> Sketch {
        Sketch::default()
            .node("producer", Kind::Producer(producer))
            .node("sink", Kind::Sink(Sink::default()))
            .link("producer", "sink")
    }

    /// Departures in milliseconds.
    fn sent(traffic: Traffic, change: impl FnOnce(&mut Producer), millis: u64) -> Vec<u64> {
        let mut producer = Producer { traffic, ..Producer::default() };
        change(&mut producer);
        told(producer).run_both(millis).hops("producer", "sink", HopKind::Event).iter().map(departure).collect()
    }

    fn rate(hertz: f64) -> Rate {
        Rate::per_second(hertz)
    }

    fn within(times: &[u64], from: u64, to: u64) -> usize {
        times.iter().filter(|at| (from..to).contains(*at)).count()
    }

    #[test]
    fn a_constant_rate_is_even_between_its_start_and_its_end() {
        let limits = |producer: &mut Producer| {
            (producer.start, producer.end) = (Duration::millis(250), Some(Duration::millis(650)));
        };
        assert_eq!(sent(Traffic::Constant(rate(10.0)), limits, 2_000), [250, 350, 450, 550]);
    }

    #[test]
    fn independent_arrivals_spread_as_much_as_their_mean() {
        // A Poisson count has its mean as variance: 10,000 sends within four times 100.
        let times = sent(Traffic::Poisson(rate(1_000.0)), |_| {}, 10_000);
        assert!(times.len().abs_diff(10_000) < 400, "{}", times.len());
        let counts: Vec<f64> = (0..100).map(|cell| within(&times, cell * 100, cell * 100 + 100) as f64).collect();
        let mean = counts.iter().sum::<f64>() / 100.0;
        let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 99.0;
        assert!((0.5..2.0).contains(&(variance / mean)), "{variance} beside {mean}");
    }

    #[test]
    fn bursts_come_at_once_and_again_after_their_period() {
        assert_eq!(
            sent(Traffic::Burst(3, Duration::millis(400)), |_| {}, 1_000),
            [0, 0, 0, 400, 400, 400, 800, 800, 800]
        );
        assert_eq!(sent(Traffic::Burst(3, Duration::default()), |_| {}, 1_000), [0, 0, 0]);
    }

    #[test]
    fn a_ramp_goes_evenly_from_one_rate_to_the_other_and_stays() {
        let times = sent(Traffic::Ramp(rate(0.0), rate(1_000.0), Duration::seconds(4)), |_| {}, 8_000);
        // Means of the quarters: 125, 875 a second, then 1,000.
        assert!(within(&times, 0, 1_000).abs_diff(125) < 50, "{}", within(&times, 0, 1_000));
        assert!(within(&times, 3_000, 4_000).abs_diff(875) < 120, "{}", within(&times, 3_000, 4_000));
        assert!(within(&times, 5_000, 8_000).abs_diff(3_000) < 220, "{}", within(&times, 5_000, 8_000));
    }

    #[test]
    fn a_profile_follows_the_day_and_begins_anew_with_the_next() {
        // CL-7: a day of 4 s that rises to noon and falls again.
        let points = vec![
            (Duration::default(), rate(0.0)),
            (Duration::seconds(2), rate(1_000.0)),
            (Duration::seconds(4), rate(0.0)),
        ];
        let times = sent(Traffic::Profile(Duration::seconds(4), points), |_| {}, 8_000);
        for day in [0, 4_000] {
            let [dawn, noon, dusk] =
                [(0, 500), (1_750, 2_250), (3_500, 4_000)].map(|(a, b)| within(&times, day + a, day + b));
            assert!(dawn < 110 && dusk < 110 && noon > 380, "day at {day}: {dawn}, {noon}, {dusk}");
        }
    }

    #[test]
    fn templates_are_drawn_by_weight_and_their_strings_as_they_say() {
        let payload = |weight, body: &str| PayloadTemplate { weight, body: body.to_owned(), variants: 64 };
        let payloads =
            vec![payload(3, r#"{"kind": "order", "total": "$int(1,100)"}"#), payload(1, r#"{"kind": "click"}"#)];
        let routes = [
            ("click", r#"{"kind": ["click"]}"#),
            ("large", r#"{"total": [{"numeric": [">", 50]}]}"#),
            ("small", r#"{"total": [{"numeric": ["<=", 50]}]}"#),
        ];
        let routes = routes.map(|(name, pattern)| (name.to_owned(), pattern.to_owned())).into();
        let traffic = Traffic::Constant(rate(1_000.0));
        let mut sketch = Sketch::default()
            .node("producer", Kind::Producer(Producer { traffic, payloads, ..Producer::default() }))
            .node("router", Kind::Router(Router { routes, ..Router::default() }))
            .link("producer", "router");
        for name in ["click", "large", "small"] {
            sketch = sketch
                .node(name, Kind::Sink(Sink::default()))
                .link_with("router", name, |link| link.rule = Some(name.to_owned()));
        }
        let ran = sketch.run_both(4_000);
        let [click, large, small] = ["click", "large", "small"].map(|name| ran.ends(name, Fate::Delivered));
        assert!(click.abs_diff(1_000) < 130, "one of four: {click}");
        assert!(large.abs_diff(1_500) < 400 && small.abs_diff(1_500) < 400, "{large} and {small}, by 64 variants");
        assert_eq!(ran.ends("router", Fate::Filtered), 0);
    }

    #[test]
    fn a_stopped_producer_sends_nothing_and_goes_on_afterwards() {
        let sketch = told(Producer::default()).node("producer", poisson(1_000.0)).fault(300, 600, stop("producer"));
        let times: Vec<u64> =
            sketch.run_both(1_000).hops("producer", "sink", HopKind::Event).iter().map(departure).collect();
        assert_eq!(within(&times, 301, 600), 0);
        assert!(within(&times, 600, 1_000) > 300);
    }
}
