using System.Collections.Concurrent;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Users.Profiles;

/// <summary>
/// Profiles of other servers' users, from these servers. Each is asked for once at a time and kept for a while, also
/// that there is none. Server-Server API, "Querying for information".
/// </summary>
public sealed class RemoteProfiles(
    FederationApi api, RemoteRequests requests, UsersOptions options, TimeProvider time) : IDisposable
{
    private static readonly UserFailure _busy = new(UserFailureKind.Busy, "Too many profiles are being looked up.");

    private readonly ByteCache<string, Known> _known = new(
        options.RemoteProfileCacheBytes, static known => known.Bytes);

    private readonly ConcurrentDictionary<string, Lazy<Task<Known>>> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>All fields, as JSON by name.</summary>
    /// <param name="who">Who causes the request, if there is one: a user, or the server itself.</param>
    public async ValueTask<UserResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>> FindAsync(
        string who, string userId, CancellationToken stop)
    {
        if (!_known.TryGet(userId, out var known) || known.Until <= time.GetUtcNow())
        {
            // What another request began goes on if this one ends.
            if (!_running.TryGetValue(userId, out var running))
            {
                if (_running.Count >= options.RemoteProfilesWaiting) return _busy;
                running = _running.GetOrAdd(
                    userId,
                    user => new Lazy<Task<Known>>(() => Task.Run(() => AskAsync(who, user), CancellationToken.None)));
            }

            known = await running.Value.WaitAsync(stop).ConfigureAwait(false);
        }

        return known.Failure is { } failure
            ? failure
            : new UserResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>(known.Fields);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    private async Task<Known> AskAsync(string who, string userId)
    {
        try
        {
            var server = UserId.server(userId);
            var sent = await requests.SendAsync(
                who,
                [server],
                options.RemoteProfileTime,
                (name, within) => api.QueryProfileAsync(name, userId, within),
                _closing.Token).ConfigureAwait(false);
            var found = Read(sent[server]);
            _known.Put(userId, found);
            return found;
        }
        finally
        {
            _running.TryRemove(userId, out _);
        }
    }

    private Known Read(FederationResult<JsonObject> sent)
    {
        var fields = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        if (sent.Failure is { } failure)
        {
            return new Known(time.GetUtcNow() + options.RemoteProfileFailuresKept, FailureOf(failure), fields);
        }

        foreach (var (name, value) in sent.Value.Members.Select(static member => (member.Item1, member.Item2)))
        {
            // Clients are not shown what this server would not take from its own users.
            if (ProfileFields.JudgeName(name) is null && ProfileFields.JudgeValue(name, value) is null)
            {
                fields[name] = CanonicalJson.bytes(value);
            }
        }

        return new Known(time.GetUtcNow() + options.RemoteProfilesKept, null, fields);
    }

    private static UserFailure FailureOf(FederationFailure failure) => failure switch
    {
        { Kind: FederationFailureKind.Refused, Status: 404 } or { IsUnrecognized: true } => UserProfiles.NoUser,
        { Kind: FederationFailureKind.Refused, Status: 403 } => UserProfiles.NotShown,
        { Kind: FederationFailureKind.NotFound or FederationFailureKind.ServerDenied } => UserProfiles.NoUser,
        _ => new UserFailure(UserFailureKind.Unreachable, "The user's server could not be asked for the profile."),
    };

    private sealed record Known(
        DateTimeOffset Until, UserFailure? Failure, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Fields)
    {
        internal long Bytes { get; } =
            100 + Fields.Sum(static field => 100 + (2L * field.Key.Length) + field.Value.Length);
    }
}
