using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Matrix.Host.Metrics;

/// <summary>
/// Collects the measurements of this server's meters, and writes them in Prometheus' text format 0.0.4. Observable
/// instruments are read for each page.
/// </summary>
internal sealed class MetricsPage : IDisposable
{
    private const int SeriesOfOneInstrument = 2000;

    private static readonly double[] _seconds =
        [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

    private static readonly double[] _counts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384, 65536];

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<Instrument, Family> _families = new();

    public MetricsPage()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name.StartsWith("Matrix.", StringComparison.Ordinal)
                || instrument.Meter.Name == "System.Runtime")
            {
                listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument, static i => new Family(i)));
            }
        };
        _listener.SetMeasurementEventCallback<long>(
            static (i, value, tags, state) => ((Family)state!).Measured(value, tags));
        _listener.SetMeasurementEventCallback<int>(
            static (i, value, tags, state) => ((Family)state!).Measured(value, tags));
        _listener.SetMeasurementEventCallback<double>(
            static (i, value, tags, state) => ((Family)state!).Measured(value, tags));
        _listener.Start();
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>The page.</summary>
    internal string Write()
    {
        foreach (var family in _families.Values) family.ForgetObserved();
        _listener.RecordObservableInstruments();

        var page = new StringBuilder(16 * 1024);
        foreach (var family in _families.Values.OrderBy(f => f.Name, StringComparer.Ordinal)) family.WriteTo(page);
        return page.ToString();
    }

    private sealed class Family(Instrument instrument)
    {
        private readonly ConcurrentDictionary<Labels, Series> _series = new();
        private readonly bool _observed = instrument.IsObservable;
        private readonly bool _isHistogram = instrument.GetType().Name.StartsWith(
            "Histogram", StringComparison.Ordinal);
        private readonly bool _isCounter = instrument.GetType().Name is var t
            && (t.StartsWith("Counter", StringComparison.Ordinal)
                || t.StartsWith("ObservableCounter", StringComparison.Ordinal));

        private readonly bool _isGauge = instrument.GetType().Name is var t
            && (t.StartsWith("Gauge", StringComparison.Ordinal)
                || t.StartsWith("Observable", StringComparison.Ordinal));

        internal string Name { get; } = NameOf(instrument);

        internal void Measured(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = new Labels(tags);
            if (!_series.TryGetValue(labels, out var series))
            {
                // A label without a bound would grow this page and memory without a bound.
                if (_series.Count >= SeriesOfOneInstrument) return;
                series = _series.GetOrAdd(
                    labels, static (_, buckets) => new Series(buckets), _isHistogram ? Buckets : []);
            }

            series.Measured(value, adds: !_isGauge, _isHistogram);
        }

        internal void ForgetObserved()
        {
            if (_observed) _series.Clear();
        }

        internal void WriteTo(StringBuilder page)
        {
            if (_series.IsEmpty) return;
            if (instrument.Description is { Length: > 0 } help)
            {
                page.Append("# HELP ").Append(Name).Append(' ').Append(help.Replace('\n', ' ')).Append('\n');
            }

            page.Append("# TYPE ").Append(Name).Append(' ')
                .Append(_isHistogram ? "histogram" : _isCounter ? "counter" : "gauge").Append('\n');
            var byLabels = _series.Select(s => (Labels: s.Key.ToString(), s.Value));
            foreach (var (labels, series) in byLabels.OrderBy(s => s.Labels, StringComparer.Ordinal))
            {
                series.WriteTo(page, Name, labels, _isHistogram);
            }
        }

        private double[] Buckets => instrument.Unit == "s" ? _seconds : _counts;

        private static string NameOf(Instrument instrument)
        {
            var name = string.Concat(instrument.Name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
            var counts = instrument.GetType().Name is var t
                && (t.StartsWith("Counter", StringComparison.Ordinal)
                    || t.StartsWith("ObservableCounter", StringComparison.Ordinal));
            return counts && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
        }
    }

    /// <summary>
    /// The labels of a measurement, at most four, as a key that finds its series without formatting them.
    /// </summary>
    private readonly record struct Labels
    {
        private readonly KeyValuePair<string, object?> _first;
        private readonly KeyValuePair<string, object?> _second;
        private readonly KeyValuePair<string, object?> _third;
        private readonly KeyValuePair<string, object?> _fourth;

        internal Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.Length > 0) _first = tags[0];
            if (tags.Length > 1) _second = tags[1];
            if (tags.Length > 2) _third = tags[2];
            if (tags.Length > 3) _fourth = tags[3];
        }

        public bool Equals(Labels other) =>
            Same(_first, other._first)
                && Same(_second, other._second)
                && Same(_third, other._third)
                && Same(_fourth, other._fourth);

        public override int GetHashCode() => HashCode.Combine(_first.Value, _second.Value, _third.Value, _fourth.Value);

        public override string ToString()
        {
            var text = new StringBuilder();
            foreach (var (name, value) in new[] { _first, _second, _third, _fourth })
            {
                if (name is null) break;
                if (text.Length > 0) text.Append(',');
                text.Append(string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'))).Append("=\"");
                text.Append((Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
                    .Replace("\\", "\\\\", StringComparison.Ordinal)
                    .Replace("\"", "\\\"", StringComparison.Ordinal)
                    .Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
            }

            return text.ToString();
        }

        private static bool Same(KeyValuePair<string, object?> a, KeyValuePair<string, object?> b) =>
            a.Key == b.Key && Equals(a.Value, b.Value);
    }

    private sealed class Series(double[] bounds)
    {
        private readonly Lock _lock = new();
        private readonly long[] _buckets = new long[bounds.Length];
        private double _sum;
        private long _count;

        internal void Measured(double value, bool adds, bool buckets)
        {
            lock (_lock)
            {
                _sum = adds || buckets ? _sum + value : value;
                _count++;
                if (!buckets) return;
                for (var i = bounds.Length - 1; i >= 0 && value <= bounds[i]; i--) _buckets[i]++;
            }
        }

        internal void WriteTo(StringBuilder page, string name, string labels, bool buckets)
        {
            lock (_lock)
            {
                if (!buckets)
                {
                    Line(page, name, "", labels, _sum);
                    return;
                }

                var before = labels.Length == 0 ? "" : labels + ",";
                for (var i = 0; i < bounds.Length; i++)
                {
                    Line(
                        page, name, "_bucket",
                        string.Create(CultureInfo.InvariantCulture, $"{before}le=\"{bounds[i]}\""), _buckets[i]);
                }

                Line(page, name, "_bucket", $"{before}le=\"+Inf\"", _count);
                Line(page, name, "_sum", labels, _sum);
                Line(page, name, "_count", labels, _count);
            }
        }

        private static void Line(StringBuilder page, string name, string suffix, string labels, double value)
        {
            page.Append(name).Append(suffix);
            if (labels.Length > 0) page.Append('{').Append(labels).Append('}');
            page.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
