//! Line charts as SVG, for a report that runs no script.

use katydid_core::series::Point;

use crate::report::write;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 220.0;
/// Room for the axis' numbers.
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 12.0;
/// More points than this are not told apart.
const MOST: usize = 600;
/// Told apart by those who do not see all colours, too.
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// What one line shows; a gap where there is nothing.
pub(crate) struct Line {
    name: &'static str,
    values: Vec<Option<f64>>,
}

/// A line through a value of each point; where points are too many, the largest of neighbours.
pub(crate) fn line(
    name: &'static str,
    points: &[Point],
    value: impl Fn(&Point) -> Option<f64>,
) -> Line {
    let most = |points: &[Point]| points.iter().filter_map(&value).reduce(f64::max);
    Line {
        name,
        values: points
            .chunks(points.len().div_ceil(MOST))
            .map(most)
            .collect(),
    }
}

/// Draws lines over the time since the first point.
pub(crate) fn draw(title: &str, unit: &str, points: &[Point], lines: &[Line], out: &mut String) {
    let values = lines.iter().flat_map(|line| line.values.iter().flatten());
    let top = nice(values.copied().fold(0.0, f64::max));
    let (first, last) = (points.first(), points.last());
    let seconds = first.zip(last).map_or(0, |(first, last)| last.t - first.t);
    let floor = HEIGHT - BOTTOM;
    write(
        out,
        format_args!(
            "<figure><figcaption>{title}</figcaption>\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\" \
             font-size=\"12\" fill=\"currentcolor\">"
        ),
    );
    for quarter in 0..=2 {
        let share = f64::from(quarter) / 2.0;
        let y = floor - share * (floor - TOP);
        let value = top * share;
        write(
            out,
            format_args!(
                "<path d=\"M{LEFT} {y:.1}H{WIDTH}\" stroke=\"currentcolor\" opacity=\".2\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}{unit}</text>",
                LEFT - 6.0,
                y + 4.0,
            ),
        );
    }
    write(
        out,
        format_args!(
            "<text x=\"{LEFT}\" y=\"{HEIGHT}\">0 s</text>\
             <text x=\"{WIDTH}\" y=\"{HEIGHT}\" text-anchor=\"end\">{seconds} s</text>"
        ),
    );
    for (line, color) in lines.iter().zip(COLORS) {
        let path = path(&line.values, top, floor);
        write(
            out,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
            ),
        );
    }
    out.push_str("</svg>");
    for (line, color) in lines.iter().zip(COLORS) {
        let name = line.name;
        write(
            out,
            format_args!(
                "<span class=\"key\"><svg style=\"width:1em;height:.7em\" viewBox=\"0 0 10 7\">\
                 <path d=\"M0 3.5H10\" stroke=\"{color}\" stroke-width=\"3\"/></svg> {name}</span>"
            ),
        );
    }
    out.push_str("</figure>\n");
}

fn path(values: &[Option<f64>], top: f64, floor: f64) -> String {
    let mut path = String::new();
    let mut command = 'M';
    let width = (WIDTH - LEFT) / values.len().saturating_sub(1).max(1) as f64;
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else {
            command = 'M';
            continue;
        };
        let x = LEFT + index as f64 * width;
        let y = floor - value / top * (floor - TOP);
        write(&mut path, format_args!("{command}{x:.1} {y:.1}"));
        command = 'L';
    }
    path
}

/// The next number that reads well: 1, 2 or 5 with zeros.
fn nice(number: f64) -> f64 {
    if number <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(number.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * unit);
    steps
        .into_iter()
        .find(|step| *step >= number)
        .unwrap_or(10.0 * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_number_that_reads_well() {
        for (number, end) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (3.0, 5.0),
            (70.0, 100.0),
            (120.0, 200.0),
        ] {
            assert!((nice(number) - end).abs() < 1e-9, "{number}");
        }
    }

    #[test]
    fn a_line_has_gaps_where_nothing_was_measured() {
        let drawn = path(&[Some(0.0), None, Some(10.0), Some(5.0)], 10.0, 100.0);
        assert_eq!(drawn, "M70.0 100.0M690.0 12.0L1000.0 56.0");
    }
}
