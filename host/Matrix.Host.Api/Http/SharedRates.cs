using System.Collections.Concurrent;
using System.Text;
using Matrix.Core.Cluster;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Tells the other nodes of a cluster which requests were counted here, so that limits hold for all nodes together.
/// What was counted elsewhere in the last tenth of a second is not known yet: a caller who sprays requests gets at most
/// one burst from each node in that time, and in the long run the rate of the configuration.
/// </summary>
public sealed class SharedRates : BackgroundService, INodeTellHandler
{
    private static readonly TimeSpan _tellsEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>The most buckets in one message; more wait for the next.</summary>
    private const int MostTold = 2_000;

    private readonly RateLimiter _limiter;
    private readonly INodeTells _tells;
    private readonly ConcurrentDictionary<(RateClass Kind, string Who), int> _taken = new();

    /// <summary>Follows a limiter.</summary>
    public SharedRates(RateLimiter limiter, INodeTells tells)
    {
        (_limiter, _tells) = (limiter, tells);
        limiter.OnTaken = (kind, who, count) =>
            _taken.AddOrUpdate((kind, who), count, (_, before) => before + count);
    }

    /// <inheritdoc/>
    public NodeTellKind Kind => NodeTellKind.Rates;

    /// <inheritdoc/>
    public void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        using var reader = new BinaryReader(new MemoryStream(body.ToArray()), Encoding.UTF8);
        try
        {
            for (var left = reader.Read7BitEncodedInt(); left > 0; left--)
            {
                var kind = (RateClass)reader.Read7BitEncodedInt();
                var count = reader.Read7BitEncodedInt();
                _limiter.TakenElsewhere(kind, reader.ReadString(), count);
            }
        }
        catch (Exception malformed) when (malformed is EndOfStreamException or FormatException or IOException)
        {
            // The rest is not counted.
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_tellsEvery);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (!_taken.IsEmpty) Tell();
        }
    }

    private void Tell()
    {
        var told = new List<((RateClass Kind, string Who) Bucket, int Count)>();
        foreach (var bucket in _taken.Keys.Take(MostTold))
        {
            if (_taken.TryRemove(bucket, out var count)) told.Add((bucket, count));
        }

        using var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write7BitEncodedInt(told.Count);
            foreach (var ((kind, who), count) in told)
            {
                writer.Write7BitEncodedInt((int)kind);
                writer.Write7BitEncodedInt(count);
                writer.Write(who);
            }
        }

        _tells.TellAll(NodeTellKind.Rates, bytes.ToArray());
    }
}
