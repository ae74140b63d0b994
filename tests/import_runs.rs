//! Every published template of the corpus runs for a minute without losing a message.

mod corpus;
#[path = "corpus/templates.rs"]
mod templates;

use std::sync::Arc;

use eventscape::exchange::import;
use eventscape::scene::time::{SimSpan, SimTime};
use eventscape::sim::compile::compile;
use eventscape::sim::effects::Recorded;
use eventscape::sim::run::{Options, Simulation};
use templates::templates;

#[test]
fn every_imported_template_runs_for_a_minute() {
    let Some(corpora) = corpus::folder() else { return };
    let paths = templates(&corpora);
    let (mut events, mut ended) = (0, 0);
    for path in &paths {
        let imported = import(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let model = compile(&imported.scene).unwrap_or_else(|errors| panic!("{}: {errors:?}", path.display()));
        let options = Options { threads: 1, recorded: Recorded::No, ..Options::default() };
        let simulation = Simulation::new(Arc::new(model), options);
        let mut simulation = simulation.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for second in [1, 7, 20, 60] {
            simulation.run_until(SimTime::ZERO + SimSpan::from_seconds(second), &mut |_| {});
            let balance = simulation.conservation();
            assert!(balance.holds(), "{} at {second} s: {balance:?}", path.display());
        }
        events += simulation.figures().events;
        ended += simulation.conservation().ended;
    }
    println!("{} templates, {events} events, {ended} messages ended", paths.len());
    assert!(ended > 10_000, "messages reach an end");
}
