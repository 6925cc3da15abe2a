using System.Diagnostics;
using System.Security.Cryptography;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// Thumbnails of pictures of 12 megapixels, each asked for once, and what twenty of them at once cost one who sends
/// messages.
/// </summary>
internal sealed class ThumbnailMeasure : IMeasure
{
    private const int Each = 7;
    private const int AtOnce = 20;
    private const int Turns = 3;
    private const double SendTarget = 1.5;

    public string Name => "thumbnails";

    public string Sentence => "thumbnails of 12 megapixels, alone and twenty at once beside a sender";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var server = await ClientServer.StartAsync(null, stop);
        var user = server.Population.First(1)[0];
        var jpeg = Picture.Make("jpg");
        var png = Picture.Make("png");
        foreach (var (name, type, file, seconds) in new[]
        {
            ("JPEG", "image/jpeg", jpeg, 0.3), ("PNG", "image/png", png, 1),
        })
        {
            var times = new Durations();
            foreach (var path in Uploaded(user, type, file, Each))
            {
                var start = Stopwatch.GetTimestamp();
                user.Get(path);
                times.Add(Stopwatch.GetTimestamp() - start);
            }

            bench.Add(Outcome.AtMost(
                $"thumbnails: {name} of 12 megapixels, {file.Length / 1e6:0.0} MB: p50, scaled", seconds,
                times.Percentile(50) / 1000 / bench.Scale, "s"));
        }

        AtOnceBesideASender(bench, server, user, jpeg);
    }

    private static void AtOnceBesideASender(MeasureContext bench, ClientServer server, Account user, byte[] jpeg)
    {
        var sending = new BesideSender(server);
        for (var turn = 0; turn < Turns; turn++)
        {
            sending.Turn(Uploaded(user, "image/jpeg", jpeg, AtOnce).ConvertAll<Action>(path => () => Get(user, path)));
        }

        bench.Add(Outcome.Reported($"thumbnails: {AtOnce} at once take", sending.Seconds.Average(), "s"));
        sending.Report(bench, "thumbnails", AtOnce, SendTarget);
    }

    /// <summary>
    /// The paths of thumbnails that were not asked for yet: each is of a file of its own, with some bytes after its end
    /// that decoders pass over.
    /// </summary>
    private static List<string> Uploaded(Account user, string type, byte[] file, int count)
    {
        using var uploading = user.Uploading(type);
        return
        [
            .. Enumerable.Range(0, count).Select(_ =>
                user.Upload(uploading, [.. file, .. RandomNumberGenerator.GetBytes(16)])
                    .Replace("/download/", "/thumbnail/", StringComparison.Ordinal)
                    + "?width=320&height=240&method=scale"),
        ];
    }

    private static void Get(Account user, string path)
    {
        using var connection = user.Again();
        connection.Get(path);
    }
}
