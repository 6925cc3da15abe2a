using System.Collections.Concurrent;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Users.Profiles;

/// <summary>
/// Profiles of other servers' users, from these servers. Each is asked for once at a time for one user or service, and
/// kept for a while, also that there is none. v1.19 server-server-api#querying-for-information
/// </summary>
public sealed class RemoteProfiles(
    FederationOperations api, RemoteRequests requests, UsersOptions options, TimeProvider time) : IDisposable
{
    /// <summary>The part of the look-ups that wait which one user or service may have.</summary>
    private const int PartOfOne = 4;

    private static readonly UserFailure _busy = new(UserFailureKind.Busy, "Too many profiles are being looked up.");

    private readonly ByteCache<string, Known> _known = new(
        options.RemoteProfileCacheBytes, static known => known.Bytes);

    // By who causes them: nobody's look-up waits in the share of another.
    private readonly ConcurrentDictionary<(string Who, string UserId), Lazy<Task<Known>>> _running = new();
    private readonly CancellationTokenSource _closing = new();

    /// <summary>All fields, as JSON by name.</summary>
    /// <param name="who">What causes the request, if there is one: a user, a service, or the server itself.</param>
    public async ValueTask<UserResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>> FindAsync(
        string who, string userId, CancellationToken stop)
    {
        if (!_known.TryGet(userId, out var known) || known.Until <= time.GetUtcNow())
        {
            // What another request began goes on if this one ends.
            if (!_running.TryGetValue((who, userId), out var running))
            {
                if (_running.Count >= options.RemoteProfilesWaiting
                    || _running.Keys.Count(each => each.Who == who) >= WaitingOfOne)
                {
                    return _busy;
                }

                running = _running.GetOrAdd(
                    (who, userId),
                    each => new Lazy<Task<Known>>(
                        () => Task.Run(() => AskAsync(each.Who, each.UserId), CancellationToken.None)));
            }

            known = await running.Value.WaitAsync(stop);
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

    private int WaitingOfOne => Math.Max(1, options.RemoteProfilesWaiting / PartOfOne);

    private async Task<Known> AskAsync(string who, string userId)
    {
        var isSent = false;
        try
        {
            var server = UserId.Server(userId);
            var sent = await requests.SendAsync(
                who,
                [server],
                options.RemoteProfileTime,
                (name, within) =>
                {
                    isSent = true;
                    return api.QueryProfileAsync(name, userId, within);
                },
                _closing.Token);
            var found = Read(sent[server]);

            // That one user's share had no place says nothing to others.
            if (isSent) _known.Put(userId, found);
            return found;
        }
        finally
        {
            _running.TryRemove((who, userId), out _);
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
                fields[name] = CanonicalJson.Bytes(value);
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
