using Matrix.Core.DeviceLists;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>
/// `m.signing_key_update`: cross-signing keys of a user of the origin changed.
/// v1.19 server-server-api#end-to-end-encryption
/// </summary>
internal sealed class SigningKeyUpdateEdu(RemoteDeviceLists lists) : IEduHandler
{
    // v1.19 server-server-api#definition-msigning_key_update
    public string Type => EventTypes.SigningKeyUpdate;

    public ValueTask<int> ReceiveAsync(string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop) =>
        lists.ReceiveFromAsync(
            origin,
            contents,
            content => DeviceListUpdate.TryReadSigningKeys(content, lists.Limits, out var update) ? update : null,
            stop);
}
