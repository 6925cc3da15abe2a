using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Matrix.Host.Storage.Commits;

/// <summary>What the writer tells about itself: meter `Matrix.Storage`.</summary>
internal sealed class WriterMetrics : IDisposable
{
    private static readonly ActivitySource Faults = new("Matrix.Storage");
    private readonly Meter _meter = new("Matrix.Storage");
    private readonly Histogram<double> _flush;
    private readonly Histogram<int> _sets;
    private readonly Histogram<double> _checkpoint;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _faults;

    public WriterMetrics()
    {
        _flush = _meter.CreateHistogram<double>("matrix_storage_flush_duration_seconds", "s", "From the first set taken to durable.");
        _sets = _meter.CreateHistogram<int>("matrix_storage_flush_sets", "{set}", "Write sets per flush.");
        _checkpoint = _meter.CreateHistogram<double>(
            "matrix_storage_checkpoint_duration_seconds", "s", "Moving the write-ahead log into the database.");
        _failures = _meter.CreateCounter<long>("matrix_storage_failed_flushes", "{flush}", "Flushes that failed, by failure.");
        _faults = _meter.CreateCounter<long>("matrix_storage_consumer_faults", "{fault}", "Consumers of changes that threw.");
    }

    /// <summary>Gauges that are read when asked for.</summary>
    public void Watch(Func<int> queued, Func<long> position)
    {
        _meter.CreateObservableGauge("matrix_storage_write_queue_length", queued, "{set}", "Write sets that wait.");
        _meter.CreateObservableGauge("matrix_storage_position", position, null, "The published position.");
    }

    /// <summary>A gauge of questions that wait for a reader.</summary>
    public void WatchReads(Func<int> queued) =>
        _meter.CreateObservableGauge("matrix_storage_read_queue_length", queued, "{question}", "Questions that wait for a reader.");

    public void Flushed(long started, int sets)
    {
        _flush.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        _sets.Record(sets);
    }

    /// <param name="started">Its beginning, in ticks of the stopwatch.</param>
    /// <param name="beside">Whether the writer could go on meanwhile.</param>
    public void Checkpointed(long started, bool beside) => _checkpoint.Record(
        Stopwatch.GetElapsedTime(started).TotalSeconds, new KeyValuePair<string, object?>("beside", beside ? "true" : "false"));

    public void Failed(StorageFailure failure) => _failures.Add(1, new KeyValuePair<string, object?>("failure", failure.ToString()));

    public void ConsumerFailed(Exception fault)
    {
        _faults.Add(1);
        CallbackFailed(fault);
    }

    /// <summary>Code that was called on the writer's thread threw: in the trace, for whoever listens.</summary>
    public static void CallbackFailed(Exception fault)
    {
        using var activity = Faults.StartActivity("callback failed");
        activity?.AddException(fault);
    }

    public void Dispose() => _meter.Dispose();
}
