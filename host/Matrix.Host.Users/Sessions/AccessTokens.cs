using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// Finds the owners of access tokens, with a cache of recently used ones. A commit that ends tokens invalidates the
/// cached tokens of that user before the commit is published, so that a logged-out token is refused at once.
/// </summary>
public sealed class AccessTokens : IAccessTokens, IChangeConsumer
{
    // Users share stripes: invalidating one user's tokens invalidates those of a few others too.
    private const int Stripes = 4096;

    private const int LongestUserAgent = 500;

    private static readonly TimeSpan _seenInterval = TimeSpan.FromMinutes(1);

    private readonly IAccountsTable _accountsTable;
    private readonly IStorageWriter _writer;
    private readonly AppServiceDirectory _services;
    private readonly TimeProvider _clock;
    private readonly int _halfCapacity;
    private readonly int[] _epochs = new int[Stripes];

    // Two generations: a full young one becomes the old one. Tokens that are not used by the next such change are
    // dropped.
    private ConcurrentDictionary<TokenHash, Known> _young = new();
    private ConcurrentDictionary<TokenHash, Known> _old = new();

    /// <summary>Creates the cache and subscribes it to commits.</summary>
    public AccessTokens(
        IAccountsTable accountsTable,
        IStorageWriter writer,
        UsersOptions options,
        AppServiceDirectory services,
        TimeProvider clock)
    {
        _accountsTable = accountsTable;
        _writer = writer;
        _services = services;
        _clock = clock;
        _halfCapacity = Math.Max(8, options.CachedTokens / 2);
        services.Replaced += ForgetAll;
        writer.AddConsumer(this);
    }

    /// <inheritdoc/>
    public ValueTask<TokenLookup> FindAsync(
        BearerToken token, string address, string? userAgent, CancellationToken stop)
    {
        if (token.Hash is not { } hash) return ValueTask.FromResult(default(TokenLookup));

        if (!_young.TryGetValue(hash, out var known) && _old.TryRemove(hash, out known)) Remember(hash, known);
        if (known is null || !IsUnchanged(known.Caller))
        {
            return LookUpAsync(hash, address, userAgent, stop);
        }

        return ValueTask.FromResult(Judge(known, address, userAgent));
    }

    /// <inheritdoc/>
    public ValueTask<bool> GoesOnAsync(Caller caller, CancellationToken stop)
    {
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        return _accountsTable.HasSessionAsync(caller.UserId, caller.DeviceId, caller.Session, now, stop);
    }

    /// <inheritdoc/>
    public bool IsUnchanged(Caller caller) =>
        caller.Epoch is { } epoch && epoch == Volatile.Read(ref _epochs[StripeOf(caller.UserId)]);

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (SessionChanges.EndsTokensOfAdmin(change)) ForgetAll();
        if (SessionChanges.UserOf(change) is { } user) Interlocked.Increment(ref _epochs[StripeOf(user)]);
    }

    /// <inheritdoc/>
    public void Missed(long through) => ForgetAll();

    private void ForgetAll()
    {
        for (var i = 0; i < Stripes; i++) Interlocked.Increment(ref _epochs[i]);
    }

    private async ValueTask<TokenLookup> LookUpAsync(
        TokenHash hash, string address, string? userAgent, CancellationToken stop)
    {
        var bytes = hash.ToBytes();
        while (true)
        {
            var row = await _accountsTable.FindTokenAsync(bytes, stop);
            if (row is not { Kind: TokenKind.Access, IsDeactivated: false }) return default;

            // The first use of a refreshed pair of tokens ends the pair before it.
            if (!row.Confirmed)
            {
                var batch = new WriteBatch(Authority.Nobody, 1).Add(new TokensConfirmed(row.UserId, bytes));
                await _writer.WriteAsync(batch, stop);
            }

            // Read again after the epoch, because a commit between the two reads would go unnoticed otherwise.
            var epoch = Volatile.Read(ref _epochs[StripeOf(row.UserId)]);
            var again = await _accountsTable.FindTokenAsync(bytes, stop);
            if (again is null) return default;
            if (!again.Confirmed) continue;

            // An administrator administers with a login of the legacy API: a token to act as a user is none, and the
            // consent to an OAuth client does not speak of administration. An application service never administers.
            var administers = again is { IsAdmin: true, IsOwn: true, ClientId: null }
                && !(again.ByService ?? MayBeOfService(again.UserId));
            var caller = new Caller(
                new UserDevice(again.UserId, again.DeviceId), administers, again.UserKind == UserKind.Guest)
            {
                IsLocked = again.IsLocked,
                IsSuspended = again.IsSuspended,
                ClientId = again.ClientId,
                Session = again.Session,
                Epoch = epoch,
            };
            var known = new Known(caller, again.ExpiresAt);
            Remember(hash, known);
            return Judge(known, address, userAgent);
        }
    }

    // Older versions did not record who logged a device in.
    private bool MayBeOfService(string userId) => _services.All.Any(service => service.HasUser(userId));

    private TokenLookup Judge(Known known, string address, string? userAgent)
    {
        var now = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (known.ExpiresAt <= now) return new TokenLookup(null, SoftLogout: true);

        var seenAt = Volatile.Read(ref known.SeenAt);
        if (now - seenAt >= _seenInterval.TotalMilliseconds
            && Interlocked.CompareExchange(ref known.SeenAt, now, seenAt) == seenAt)
        {
            Touch(known.Caller, now, address, userAgent);
        }

        return new TokenLookup(known.Caller, SoftLogout: false);
    }

    /// <summary>Writes when, where and with which client a device was seen, without waiting for it.</summary>
    private void Touch(Caller caller, long now, string address, string? userAgent)
    {
        var agent = userAgent?.Length > LongestUserAgent ? userAgent[..LongestUserAgent] : userAgent;
        try
        {
            var seen = new DeviceSeen(caller.UserId, caller.DeviceId, now, address, agent);
            _writer.Post(new WriteBatch(Authority.Nobody, 1).Add(seen));
        }
        catch (StorageException)
        {
            // Not important enough to retry.
        }
    }

    private void Remember(TokenHash hash, Known known)
    {
        if (_young.Count >= _halfCapacity)
        {
            _old = _young;
            _young = new ConcurrentDictionary<TokenHash, Known>();
        }

        _young[hash] = known;
    }

    private static int StripeOf(string userId) => (int)((uint)userId.GetHashCode(StringComparison.Ordinal) % Stripes);

    private sealed class Known(Caller caller, long? expiresAt)
    {
        internal long SeenAt;

        internal Caller Caller { get; } = caller;

        internal long? ExpiresAt { get; } = expiresAt;
    }
}
