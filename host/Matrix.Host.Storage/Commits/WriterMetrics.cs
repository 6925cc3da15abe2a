using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Matrix.Host.Storage.Commits;

/// <summary>The writer's metrics: meter `Matrix.Storage`.</summary>
internal sealed class WriterMetrics : IDisposable
{
    private static readonly ActivitySource Faults = new("Matrix.Storage");
    private readonly Meter _meter = new("Matrix.Storage");
    private readonly Histogram<double> _flush;
    private readonly Histogram<int> _batches;
    private readonly Histogram<double> _checkpoint;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _faults;

    public WriterMetrics()
    {
        _flush = _meter.CreateHistogram<double>(
            "matrix_storage_flush_duration_seconds", "s", "Time of a flush, from its first batch to durable.");
        _batches = _meter.CreateHistogram<int>("matrix_storage_flush_batches", "{batch}", "Batches per flush.");
        _checkpoint = _meter.CreateHistogram<double>(
            "matrix_storage_checkpoint_duration_seconds", "s", "Time to move the write-ahead log into the database.");
        _failures = _meter.CreateCounter<long>(
            "matrix_storage_failed_flushes", "{flush}", "Flushes that failed, by failure.");
        _faults = _meter.CreateCounter<long>(
            "matrix_storage_consumer_faults", "{fault}", "Exceptions thrown by consumers of changes.");
    }

    /// <summary>Registers the gauges of waiting batches and of the position.</summary>
    public void Watch(Func<int> queued, Func<long> position)
    {
        _meter.CreateObservableGauge(
            "matrix_storage_write_queue_length", queued, "{set}", "Batches that wait for the writer.");
        _meter.CreateObservableGauge("matrix_storage_position", position, null, "The published position.");
    }

    /// <summary>Registers the gauge of queries that wait for a reader.</summary>
    public void WatchReads(Func<int> queued) =>
        _meter.CreateObservableGauge(
            "matrix_storage_read_queue_length", queued, "{query}", "Queries that wait for a reader.");

    public void Flushed(long started, int batches)
    {
        _flush.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        _batches.Record(batches);
    }

    public void Checkpointed(long started, bool beside) => _checkpoint.Record(
        Stopwatch.GetElapsedTime(started).TotalSeconds,
        new KeyValuePair<string, object?>("beside", beside ? "true" : "false"));

    public void Failed(StorageFailure failure) =>
        _failures.Add(1, new KeyValuePair<string, object?>("failure", failure.ToString()));

    public void ConsumerFailed(Exception fault)
    {
        _faults.Add(1);
        CallbackFailed(fault);
    }

    /// <summary>Records in the trace that code called on the writer's thread threw.</summary>
    public static void CallbackFailed(Exception fault)
    {
        using var activity = Faults.StartActivity("callback failed");
        activity?.AddException(fault);
    }

    public void Dispose() => _meter.Dispose();
}
