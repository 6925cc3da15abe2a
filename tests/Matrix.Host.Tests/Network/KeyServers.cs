using System.Collections.Concurrent;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Tests.Network;

/// <summary>Servers that publish the keys that a test gives them; it counts the requests.</summary>
internal sealed class KeyServers : IFederationClient
{
    private readonly ConcurrentDictionary<string, Func<Task<FederationResult<JsonObject>>>> _answers = new();
    private readonly ConcurrentDictionary<string, Func<JsonObject, JsonObject[]>> _notaries = new();
    private readonly ConcurrentQueue<JsonObject> _bodies = new();
    private int _requests;
    private int _queries;

    public int Requests => Volatile.Read(ref _requests);

    /// <summary>The number of queries to notaries.</summary>
    public int Queries => Volatile.Read(ref _queries);

    /// <summary>The bodies of the queries to notaries.</summary>
    public IReadOnlyCollection<JsonObject> QueryBodies => _bodies;

    /// <summary>The failure of a query with this body; null if there is none.</summary>
    public Func<string, JsonObject, FederationFailure?> QueryFailure { get; set; } = static (_, _) => null;

    /// <summary>From now on a notary answers queries with these responses.</summary>
    public void Notarizes(string notary, params JsonObject[] responses) => _notaries[notary] = _ => responses;

    /// <summary>From now on a notary answers queries by their bodies.</summary>
    public void Notarizes(string notary, Func<JsonObject, JsonObject[]> answer) => _notaries[notary] = answer;

    /// <summary>Completes before any request is answered.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Completes before a server's keys are answered.</summary>
    public Func<string, Task> GateOf { get; set; } = static _ => Task.CompletedTask;

    /// <summary>From now on a server answers this.</summary>
    public void Answers(string server, JsonObject response) =>
        _answers[server] = () => Task.FromResult<FederationResult<JsonObject>>(response);

    /// <summary>From now on a server cannot be reached.</summary>
    public void Fails(string server) => _answers.TryRemove(server, out _);

    public async ValueTask<FederationResult<JsonObject>> SendAsync(FederationRequest request, CancellationToken stop)
    {
        if (request.Target == "/_matrix/key/v2/query") return await QueryAsync(request, stop);
        Interlocked.Increment(ref _requests);
        Assert.That(
            (request.Method, request.Target, request.IsSigned),
            Is.EqualTo(("GET", "/_matrix/key/v2/server", false)));
        await Gate.WaitAsync(stop);
        await GateOf(request.Destination).WaitAsync(stop);
        return _answers.TryGetValue(request.Destination, out var answer)
            ? await answer()
            : new FederationFailure(FederationFailureKind.Unreachable, 0, "", "nobody is there");
    }

    private async Task<FederationResult<JsonObject>> QueryAsync(FederationRequest request, CancellationToken stop)
    {
        Interlocked.Increment(ref _queries);
        Assert.That((request.Method, request.IsSigned), Is.EqualTo(("POST", false)));
        _bodies.Enqueue(request.Body!);
        await Gate.WaitAsync(stop);
        if (QueryFailure(request.Destination, request.Body!) is { } failure) return failure;
        return _notaries.TryGetValue(request.Destination, out var answer)
            ? Members.Of(("server_keys", Json.Of([.. answer(request.Body!).Select(Json.Of)])))
            : new FederationFailure(FederationFailureKind.Unreachable, 0, "", "nobody is there");
    }

    public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
        throw new NotSupportedException();

    public ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop) => throw new NotSupportedException();
}

/// <summary>A key response in the making.</summary>
internal sealed class KeyResponseMaker(string server, long validUntil)
{
    private readonly List<(string Id, Ed25519Key Key)> _inUse = [];
    private readonly List<PublishedKey> _former = [];
    private readonly List<(string Id, Ed25519Key Key)> _signers = [];

    /// <summary>A key in use, which signs.</summary>
    public KeyResponseMaker With(string id, Ed25519Key key) => WithUnsigned(id, key).SignedBy(id, key);

    /// <summary>A key in use, which does not sign.</summary>
    public KeyResponseMaker WithUnsigned(string id, Ed25519Key key)
    {
        _inUse.Add((id, key));
        return this;
    }

    public KeyResponseMaker SignedBy(string id, Ed25519Key key)
    {
        _signers.Add((id, key));
        return this;
    }

    public KeyResponseMaker WithFormer(string id, Ed25519Key key, long expiredAt)
    {
        _former.Add(new PublishedKey(id, key.PublicKey.ToArray(), expiredAt));
        return this;
    }

    public JsonObject Make()
    {
        var response = KeyResponse.Compose(
            server,
            validUntil,
            [.. _inUse.Select(key => new PublishedKey(key.Id, key.Key.PublicKey.ToArray(), null))],
            _former);
        var bytes = KeyResponse.BytesToSign(response);
        foreach (var (id, key) in _signers) response = KeyResponse.WithSignature(response, server, id, key.Sign(bytes));
        return response;
    }
}
