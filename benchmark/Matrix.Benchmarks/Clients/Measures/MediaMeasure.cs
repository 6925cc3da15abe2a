using System.Diagnostics;
using System.Security.Cryptography;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Floor;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Uploads of 10 MB by turns with the same file written and synced alone, downloads by turns with a static file of
/// Kestrel, and the memory that both take at once.
/// </summary>
internal sealed class MediaMeasure : IMeasure
{
    private const int Turns = 6;
    private const int FilesPerTurn = 10;
    private const int Clients = 8;
    private const int TransfersOfClient = 20;
    private const double UploadTarget = 0.5;
    private const double DownloadTarget = 0.7;
    private const double MemoryTarget = 32;

    public string Name => "media";

    public string Sentence => "uploads and downloads of 10 MB, and the memory they take";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var server = await ClientServer.StartAsync(null, stop);
        Upload(bench, server);
        using (var floor = new FloorProcess("sqlite:floor.db"))
        {
            await floor.ReadyAsync(stop);
            var settings = new Settings { RequestsPerSlice = 60 };
            var figures = Catalogue.Run(
                new Download(), [server.Stage with { Settings = settings }, Bench.StageOf(floor, settings)]);
            double ours = figures[0].Figures["per_second"], theirs = figures[1].Figures["per_second"];
            bench.Add(Outcome.Reported("media: downloads of 10 MB", ours * Download.Bytes / 1e6, "MB/s"));
            bench.Add(Outcome.AtLeast(
                "media: download, share of the rate of a static file of Kestrel", DownloadTarget, ours / theirs,
                "times"));
        }

        Memory(bench, server);
    }

    /// <summary>
    /// The files that are written alone stay too, as uploads do: one whose memory is free again for the next takes a
    /// fraction of the time.
    /// </summary>
    private static void Upload(MeasureContext bench, ClientServer server)
    {
        var user = server.Population.First(1)[0];
        using var uploading = user.Uploading("application/octet-stream");
        var (uploads, writes) = (new Durations(), new Durations());
        var file = RandomNumberGenerator.GetBytes(Download.Bytes);
        for (var turn = -1; turn < Turns; turn++)
        {
            var isWarmUp = turn < 0;
            for (var i = 0; i < FilesPerTurn; i++)
            {
                Time(isWarmUp ? new Durations() : uploads, () => user.Upload(uploading, Changed(file)));
            }

            for (var i = 0; i < FilesPerTurn; i++)
            {
                var path = Path.Combine(server.Process.Folder, $"alone-{turn}-{i}");
                Time(isWarmUp ? new Durations() : writes, () => Write(path, Changed(file)));
            }
        }

        bench.Add(Outcome.Reported("media: upload of 10 MB: p50", uploads.Percentile(50), "ms"));
        bench.Add(Outcome.AtLeast(
            "media: upload, share of the rate of writing and syncing the file alone", UploadTarget,
            writes.Percentile(50) / uploads.Percentile(50), "times"));
    }

    /// <summary>Eight clients upload and download at once. Memory that grew by a few files would show here.</summary>
    private static void Memory(MeasureContext bench, ClientServer server)
    {
        Transfer(server);
        var before = server.Megabytes;
        var most = before;
        using (new Timer(_ => most = Math.Max(most, server.Megabytes), null, 0, 20)) Transfer(server);
        bench.Add(Outcome.AtMost(
            $"media: memory added by {Clients} clients' transfers of 10 MB at once", MemoryTarget, most - before,
            "MB"));
        bench.Add(Outcome.Reported("media: memory at most", most, "MB"));
    }

    private static void Transfer(ClientServer server)
    {
        var users = server.Population.First(Clients).Select(user => user.Again()).ToList();
        Parallel.ForEach(users, new ParallelOptions { MaxDegreeOfParallelism = Clients }, user =>
        {
            using var uploading = user.Uploading("application/octet-stream");
            var path = "";
            for (var i = 0; i < TransfersOfClient; i++)
            {
                if (i % 4 == 0) path = user.Upload(uploading, RandomNumberGenerator.GetBytes(Download.Bytes));
                user.Get(path);
            }

            user.Dispose();
        });
    }

    private static void Write(string path, byte[] file)
    {
        using var to = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        to.Write(file);
        to.Flush(flushToDisk: true);
    }

    /// <summary>Another file of the same size: equal ones may be stored once.</summary>
    private static byte[] Changed(byte[] file)
    {
        RandomNumberGenerator.Fill(file.AsSpan(0, 64));
        return file;
    }

    private static void Time(Durations into, Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        into.Add(Stopwatch.GetTimestamp() - start);
    }
}
