using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>When each device code was last polled, in memory and within the bound of device codes. RFC 8628.</summary>
public sealed class DeviceCodePolls(ShardGates gates, OAuthOptions options, TimeProvider clock)
{
    // Clients' timers are not exact.
    private static readonly TimeSpan _tolerance = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly Dictionary<TokenHash, LinkedListNode<(TokenHash Code, DateTimeOffset At)>> _byCode = [];
    private readonly LinkedList<(TokenHash Code, DateTimeOffset At)> _byAge = new();

    /// <summary>Notes a request. False if the one before it, to this node, is not long enough ago.</summary>
    /// <exception cref="StorageException">Another node has the code.</exception>
    internal bool Take(string deviceCode, TokenHash code)
    {
        using var visit = gates.Enter(Authority.Minted(deviceCode));
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            while (_byAge.First is { } oldest && oldest.Value.At <= now - options.PollInterval) Drop(oldest);
            var isEarly = _byCode.TryGetValue(code, out var before)
                && before.Value.At > now - options.PollInterval + _tolerance;
            if (before is not null) Drop(before);
            if (_byCode.Count >= options.DeviceCodes) Drop(_byAge.First!);
            _byCode.Add(code, _byAge.AddLast((code, now)));
            return !isEarly;
        }
    }

    private void Drop(LinkedListNode<(TokenHash Code, DateTimeOffset At)> node)
    {
        _byCode.Remove(node.Value.Code);
        _byAge.Remove(node);
    }
}
