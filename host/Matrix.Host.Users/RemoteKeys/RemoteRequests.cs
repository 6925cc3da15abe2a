using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.Slots;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>
/// Sends requests that clients wait for: one to each server, side by side, within the client's time. Only so many are
/// sent at once, a part of them for one user.
/// </summary>
public sealed class RemoteRequests(KeyOptions options, ServerPaces paces, TimeProvider time) : IDisposable
{
    /// <summary>The time of a client that gives none. v1.19 client-server-api#key-management-api</summary>
    private static readonly TimeSpan _usualTime = TimeSpan.FromSeconds(10);

    private readonly WorkSlots _slots = new(new SlotBounds(options.MaxKeyRequests), paces, time);

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    /// <summary>Sends a request to each server.</summary>
    /// <param name="who">The user, application service or address that causes them.</param>
    /// <param name="servers">The servers.</param>
    /// <param name="given">The client's time; null if it gives none.</param>
    /// <param name="send">Sends the request to a server.</param>
    internal async ValueTask<IReadOnlyDictionary<string, FederationResult<T>>> SendAsync<T>(
        string who,
        IReadOnlyCollection<string> servers,
        TimeSpan? given,
        Func<string, CancellationToken, ValueTask<FederationResult<T>>> send,
        CancellationToken stop)
    {
        if (servers.Count == 0) return new Dictionary<string, FederationResult<T>>();
        var within = given ?? _usualTime;
        if (within > options.KeyRequestTime) within = options.KeyRequestTime;
        using var clock = new CancellationTokenSource(within > TimeSpan.Zero ? within : TimeSpan.Zero, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        var results = await Task.WhenAll(servers.Select(server => OneAsync(who, server, send, both.Token, stop)));
        return servers.Zip(results).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
    }

    private async Task<FederationResult<T>> OneAsync<T>(
        string who,
        string server,
        Func<string, CancellationToken, ValueTask<FederationResult<T>>> send,
        CancellationToken within,
        CancellationToken stop)
    {
        try
        {
            return await _slots.SendAsync(who, server, stopped => send(server, stopped), within);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return new FederationFailure(FederationFailureKind.TimedOut, 0, "", "no response in time");
        }
    }
}
