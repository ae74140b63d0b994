//! Rendering: a report as tables, JSON, or a page that stands alone.
//!
//! Invariant: nothing but layout happens here; every figure comes from the report.

use plotters::prelude::*;

use crate::cli::Failure;
use crate::cli::arguments::ReportFormat;
use crate::record::Recording;
use crate::study::parallelism::Parallelism;
use crate::study::report::{Curve, NodeReport, Percentiles, Report};

/// Pixels of a plot in the page.
const PLOT_SIZE: (u32, u32) = (720, 200);

/// Makes a recording's report and prints it.
pub fn report(recording: &Recording, format: ReportFormat) -> Result<(), Failure> {
    let made = crate::study::report::report(recording);
    let made = made.map_err(|error| Failure::Unreadable(format!("{error}; {}", error.help())))?;
    print(&made, format)
}

/// Prints a report.
fn print(report: &Report, format: ReportFormat) -> Result<(), Failure> {
    let unreadable = |error: String| Failure::Unreadable(format!("the report could not be made: {error}"));
    match format {
        ReportFormat::Text => print!("{}", text(report)),
        ReportFormat::Json => {
            println!("{}", serde_json::to_string_pretty(report).map_err(|error| unreadable(error.to_string()))?);
        }
        ReportFormat::Html => println!("{}", html(report).map_err(unreadable)?),
    }
    Ok(())
}

/// The report as tables.
pub fn text(report: &Report) -> String {
    let mut out = format!("{}\n{} simulated, seed {}\n\n", report.title, span(report.duration_s), report.seed);
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).max(4);
    let name = widest(&mut report.nodes.iter().map(|node| node.label.chars().count()));
    let kind = widest(&mut report.nodes.iter().map(|node| node.kind.len()));
    out += &format!(
        "{:name$}  {:kind$}  {:>9}  {:>9}  {:>6}  {:>9}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>7}  {:>7}\n",
        "node",
        "kind",
        "arrivals",
        "out/s",
        "busy",
        "queue",
        "most",
        "wait p50",
        "wait p99",
        "resp p99",
        "throttled",
        "errors",
        "dead"
    );
    for node in &report.nodes {
        out += &format!("{:name$}  {:kind$}  {}\n", node.label, node.kind, node_figures(node));
    }
    let origin = widest(&mut report.flows.iter().map(|flow| flow.origin.len()));
    let end = widest(&mut report.flows.iter().map(|flow| flow.end.len()));
    out += &format!(
        "\n{:origin$}  {:end$}  {:>9}  {:>8}  {:>8}  {:>8}\n",
        "flow from", "to", "messages", "p50", "p95", "p99"
    );
    for flow in &report.flows {
        let Percentiles { count, p50_s, p95_s, p99_s, .. } = flow.latency;
        let (p50, p95, p99) = (span(p50_s), span(p95_s), span(p99_s));
        out += &format!("{:origin$}  {:end$}  {count:>9}  {p50:>8}  {p95:>8}  {p99:>8}\n", flow.origin, flow.end);
    }
    out += &format!("\n{} delivered, {} not delivered\n", report.delivered, report.not_delivered);
    if let Some(parallelism) = &report.parallelism {
        out += &format!("{}\n", parallelism.line());
    }
    out
}

fn node_figures(node: &NodeReport) -> String {
    let busy = node.utilisation.map_or(String::from("-"), |share| format!("{:.0} %", share * 100.0));
    let of =
        |percentiles: &Percentiles, value: f64| if percentiles.count == 0 { String::from("-") } else { span(value) };
    format!(
        "{:>9}  {:>9.1}  {busy:>6}  {:>9.1}  {:>8}  {:>8}  {:>8}  {:>8}  {:>9}  {:>7}  {:>7}",
        node.arrivals,
        node.throughput,
        node.queue_mean,
        node.queue_max,
        of(&node.wait, node.wait.p50_s),
        of(&node.wait, node.wait.p99_s),
        of(&node.response, node.response.p99_s),
        node.throttled,
        node.errors,
        node.dead_letters
    )
}

/// A length of time with three figures and a unit.
fn span(seconds: f64) -> String {
    match seconds {
        s if s >= 120.0 => format!("{:.1} min", s / 60.0),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.1} us", s * 1e6),
    }
}

/// The report as one page.
pub fn html(report: &Report) -> Result<String, String> {
    let plots: Result<Vec<String>, String> = report.curves.iter().map(plot).collect();
    let mut page = minijinja::Environment::new();
    page.add_filter("span", span);
    page.add_template("report.html", include_str!("../../assets/report.html")).map_err(|error| error.to_string())?;
    let template = page.get_template("report.html").map_err(|error| error.to_string())?;
    template
        .render(minijinja::context! {
            report => minijinja::Value::from(minijinja::value::Serde(report)),
            plots => plots?,
            parallelism => report.parallelism.as_ref().map(Parallelism::line),
        })
        .map_err(|error| error.to_string())
}

/// One curve as SVG.
fn plot(curve: &Curve) -> Result<String, String> {
    let mut svg = String::new();
    let highest = curve.depth.iter().copied().fold(1.0f32, f32::max);
    let seconds = curve.step_s * curve.depth.len() as f64;
    {
        let area = SVGBackend::with_string(&mut svg, PLOT_SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..seconds.max(1e-9), 0.0f32..highest * 1.05)
            .map_err(|error| error.to_string())?;
        let mesh = chart.configure_mesh().disable_x_mesh().x_desc("s").y_labels(4).draw();
        mesh.map_err(|error| error.to_string())?;
        let points = curve.depth.iter().enumerate().map(|(step, depth)| (step as f64 * curve.step_s, *depth));
        let color = RGBColor(0x00, 0x81, 0xe6);
        let series = AreaSeries::new(points, 0.0, color.mix(0.14)).border_style(color.stroke_width(2));
        chart.draw_series(series).map_err(|error| error.to_string())?;
        area.present().map_err(|error| error.to_string())?;
    }
    Ok(svg)
}
