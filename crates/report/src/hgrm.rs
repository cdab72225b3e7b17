//! Percentiles in the text form that `HdrHistogram`'s own tools print and plot: a `.hgrm` file.

use katydid_core::histogram::Histogram;

use crate::numbers::write;

/// The spectrum of response times in milliseconds; columns, order and foot are those of
/// `HdrHistogram`'s `outputPercentileDistribution`.
pub fn hgrm(times: &Histogram) -> String {
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for (part, time) in times.spectrum() {
        let below = times.count_up_to(time);
        write(
            &mut out,
            format_args!("{:>12.3} {part:>14.12} {below:>10}", time.as_millis_f64()),
        );
        if part < 1.0 {
            write(&mut out, format_args!(" {:>14.2}", 1.0 / (1.0 - part)));
        }
        out.push('\n');
    }
    let mean = times.mean().unwrap_or(0.0) / 1e3;
    let most = times
        .max()
        .map_or(0.0, katydid_core::units::Micros::as_millis_f64);
    write(
        &mut out,
        format_args!(
            "#[Mean    = {mean:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {most:>12.3}, Total count    = {:>12}]\n",
            deviation(times),
            times.count()
        ),
    );
    out
}

/// The standard deviation in milliseconds, from the bins.
fn deviation(times: &Histogram) -> f64 {
    let mean = times.mean().unwrap_or(0.0);
    let squares: f64 = times
        .bins()
        .map(|bin| (bin.upper.as_micros() as f64 - mean).powi(2) * bin.count as f64)
        .sum();
    (squares / times.count().max(1) as f64).sqrt() / 1e3
}

#[cfg(test)]
mod tests {
    use katydid_core::units::Micros;

    use super::*;

    #[test]
    fn the_file_has_the_lines_that_its_readers_want() {
        let mut times = Histogram::default();
        for micros in 1..=1000 {
            times.record(Micros::from_micros(micros));
        }
        let text = hgrm(&times);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "       Value     Percentile TotalCount 1/(1-Percentile)"
        );
        assert_eq!(
            lines[2],
            "       0.001 0.000000000000          1           1.00"
        );
        assert!(
            text.contains("       0.500 0.500000000000        500           2.00"),
            "{text}"
        );
        assert!(text.contains("#[Max     =        1.000, Total count    =         1000]"));
        assert!(hgrm(&Histogram::default()).contains("Total count    =            0"));
    }
}
