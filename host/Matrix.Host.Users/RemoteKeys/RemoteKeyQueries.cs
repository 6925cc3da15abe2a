using Matrix.Core.DeviceLists;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Host.Users.Keys;
using KeysOfServer = Matrix.Host.Network.FederationClient.Operations.RemoteKeys;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>Keys of other servers' users.</summary>
/// <param name="Keys">The keys, as the requester may see them.</param>
/// <param name="Failures">The servers that gave none.</param>
public sealed record RemoteKeyQueryResult(
    KeyQueryResult Keys, IReadOnlyDictionary<string, FederationFailure> Failures);

/// <summary>
/// Queries keys of other servers' users: from the cached lists where these are current, from the servers otherwise.
/// v1.19 client-server-api#key-management-api; v1.19 server-server-api#end-to-end-encryption
/// </summary>
public sealed class RemoteKeyQueries(
    KeysTable keysTable,
    RemoteDevicesTable remoteDevicesTable,
    RemoteDeviceLists lists,
    FederationOperations api,
    RemoteRequests requests,
    KeyOptions options)
    : IRemoteMasterKeys
{
    private static readonly IReadOnlySet<string> _allDevices = new HashSet<string>();

    /// <summary>The keys of some users of other servers.</summary>
    /// <param name="asker">The user who may see the keys; empty for nobody.</param>
    /// <param name="who">The user, application service or address that causes the requests.</param>
    /// <param name="wanted">The users, each with the wanted devices; none means all.</param>
    /// <param name="time">How long the requester waits for other servers; null if it does not say.</param>
    public async ValueTask<RemoteKeyQueryResult> QueryAsync(
        string asker,
        string who,
        IReadOnlyDictionary<string, IReadOnlySet<string>> wanted,
        TimeSpan? time,
        CancellationToken stop)
    {
        var found = new CollectedKeys(asker);
        var failures = new Dictionary<string, FederationFailure>(StringComparer.Ordinal);
        if (wanted.Count == 0) return new RemoteKeyQueryResult(found.Result, failures);

        var users = wanted.Keys.ToArray();
        var signatures = await keysTable.SignaturesAsync(users, asker, stop);
        found.Signatures = signatures.ToLookup(row => (row.TargetUser, row.TargetKey));
        var current = await lists.CurrentAsync(users, stop);
        var devices = await remoteDevicesTable.DevicesAsync([.. current.Select(row => row.UserId)], stop);
        var devicesOf = devices.ToLookup(row => row.UserId);
        foreach (var row in current) found.Add(row, devicesOf[row.UserId], wanted[row.UserId]);

        var servers = users.Except(current.Select(row => row.UserId)).GroupBy(UserId.Server)
            .ToDictionary(server => server.Key, server => server.ToArray());
        var responses = await requests.SendAsync(
            who,
            servers.Keys,
            time,
            (server, within) => api.QueryKeysAsync(
                server,
                servers[server].ToDictionary(user => user, user => (IReadOnlyList<string>)[.. wanted[user]]),
                within),
            stop);
        foreach (var (server, response) in responses)
        {
            if (response.Failure is { } failure)
            {
                failures.Add(server, failure);
                continue;
            }

            foreach (var user in servers[server]) found.Add(user, response.Value, wanted[user], options);

            // Fetched in the background, so that the next query needs no request.
            lists.Wanted(servers[server]);
        }

        return new RemoteKeyQueryResult(found.Result, failures);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyDictionary<string, JsonObject>> FindAsync(
        string who, IReadOnlyCollection<string> userIds, CancellationToken stop)
    {
        var wanted = userIds.ToDictionary(user => user, _ => _allDevices, StringComparer.Ordinal);
        var found = await QueryAsync("", who, wanted, time: null, stop);
        return found.Keys.MasterKeys;
    }

    /// <summary>Collects keys.</summary>
    private sealed class CollectedKeys(string asker)
    {
        private readonly Dictionary<string, IReadOnlyDictionary<string, JsonObject>> _devices =
            new(StringComparer.Ordinal);

        private readonly Dictionary<string, JsonObject> _masterKeys = new(StringComparer.Ordinal);
        private readonly Dictionary<string, JsonObject> _selfSigningKeys = new(StringComparer.Ordinal);

        internal ILookup<(string, string), KeySignatureRow> Signatures { get; set; } =
            Enumerable.Empty<KeySignatureRow>().ToLookup(row => (row.TargetUser, row.TargetKey));

        internal KeyQueryResult Result =>
            new(_devices, _masterKeys, _selfSigningKeys, new Dictionary<string, JsonObject>());

        /// <summary>Adds a cached list.</summary>
        internal void Add(RemoteListRow list, IEnumerable<RemoteDeviceRow> devices, IReadOnlySet<string> only)
        {
            _devices[list.UserId] = devices
                .Where(device => only.Count == 0 || only.Contains(device.DeviceId))
                .ToDictionary(
                    device => device.DeviceId,
                    device => Device(list.UserId, SignedJson.Read(device.Keys), device.DisplayName),
                    StringComparer.Ordinal);
            if (list.MasterKey is { } master) AddMaster(list.UserId, SignedJson.Read(master));
            if (list.SelfSigningKey is { } own) AddSelfSigning(list.UserId, SignedJson.Read(own));
        }

        /// <summary>Adds what a server returned of one of its users. Malformed and foreign keys are left out.</summary>
        internal void Add(string userId, KeysOfServer response, IReadOnlySet<string> only, KeyOptions options)
        {
            var limits = options.ListLimits;
            if (SignedJson.Child(response.DeviceKeys, userId) is { } devices)
            {
                var found = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
                for (var i = 0; i < devices.Count && found.Count < options.MaxRemoteDevices; i++)
                {
                    var deviceId = devices.Key(i);
                    if (only.Count > 0 && !only.Contains(deviceId)) continue;
                    if (devices.Value(i) is not Json.Object { Item: var keys }
                        || !RemoteKeyObject.IsOfDevice(keys, userId, deviceId, limits))
                    {
                        continue;
                    }

                    var name = SignedJson.Child(keys, "unsigned") is { } unsigned
                        ? SignedJson.Text(unsigned, "device_display_name")
                        : null;
                    found[deviceId] = Device(userId, keys, name);
                }

                _devices[userId] = found;
            }

            if (SignedJson.Child(response.MasterKeys, userId) is { } master
                && RemoteKeyObject.IsSigningKey(master, userId, "master", limits))
            {
                AddMaster(userId, master);
            }

            if (SignedJson.Child(response.SelfSigningKeys, userId) is { } own
                && RemoteKeyObject.IsSigningKey(own, userId, "self_signing", limits))
            {
                AddSelfSigning(userId, own);
            }
        }

        private JsonObject Device(string userId, JsonObject keys, string? name)
        {
            var unsigned = name is null
                ? JsonObject.Empty
                : JsonObject.OfSeq([("device_display_name", Json.Of(name))]);
            var visible = SignedJson.WithSignatures(keys, userId, asker, []);
            return visible.With("unsigned", Json.Of(unsigned));
        }

        private void AddMaster(string userId, JsonObject key)
        {
            IEnumerable<KeySignatureRow> uploaded =
                SignedJson.PublicKey(key) is { } publicKey ? Signatures[(userId, publicKey)] : [];
            _masterKeys[userId] = SignedJson.WithSignatures(
                SignedJson.WithoutUnsigned(key),
                userId,
                asker,
                [.. uploaded.Select(row => (row.Signer, row.SignerKey, row.Signature))]);
        }

        private void AddSelfSigning(string userId, JsonObject key) =>
            _selfSigningKeys[userId] = SignedJson.WithSignatures(SignedJson.WithoutUnsigned(key), userId, asker, []);
    }
}
