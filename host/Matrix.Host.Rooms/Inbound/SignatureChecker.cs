using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Verifies the signatures of received events with the keys of their servers.
/// v1.19 server-server-api#validating-hashes-and-signatures-on-received-events
/// </summary>
internal sealed class SignatureChecker(IServerKeys keys)
{
    /// <summary>The event with its signatures checked. Those by unknown keys are skipped.</summary>
    /// <param name="sentBy">The server that sent the event, and causes the fetches of keys; null if this server
    /// does.</param>
    /// <param name="found">Keys that were found for other events; null if there are none.</param>
    internal async ValueTask<ReceivedEvent> CheckAsync(
        RoomRules rules, ReceivedPdu pdu, CancellationToken stop, string? sentBy = null, FoundKeys? found = null)
    {
        if (found?.Check(rules, pdu) is { } known) return ReceivedEvent.OfPdu(pdu, known);
        var servers = pdu.RequiredSigners.Append(pdu.AuthorisingServer).Where(server => server.Length > 0).ToHashSet();
        var signatures = await CheckAsync(
            rules, pdu.Signatures, servers, pdu.SignedBytes, pdu.OriginServerTs, stop, sentBy, found);
        return ReceivedEvent.OfPdu(pdu, signatures);
    }

    /// <summary>Checks the signatures of these servers; those of others are skipped.</summary>
    internal async ValueTask<CheckedSignature[]> CheckAsync(
        RoomRules rules,
        Signature[] signatures,
        IReadOnlySet<string> servers,
        ReadOnlyMemory<byte> signedBytes,
        long originServerTs,
        CancellationToken stop,
        string? sentBy = null,
        FoundKeys? kept = null)
    {
        var use = UseOf(rules);
        var found = new Dictionary<string, IReadOnlyDictionary<string, ServerKey>>();
        foreach (var ofServer in signatures.Where(each => servers.Contains(each.Entity)).GroupBy(each => each.Entity))
        {
            string[] ids = [.. ofServer.Select(each => each.KeyId).Distinct()];
            found[ofServer.Key] = sentBy is null
                ? await keys.FindAsync(ofServer.Key, ids, originServerTs, use, stop)
                : await keys.FindAsync(ofServer.Key, ids, originServerTs, use, sentBy, stop);
            kept?.Add(ofServer.Key, found[ofServer.Key]);
        }

        return Array.ConvertAll(signatures, each => new CheckedSignature(each, FateOf(each, found, signedBytes.Span)));
    }

    internal static KeyUse UseOf(RoomRules rules) =>
        rules.EnforcesKeyValidity ? KeyUse.Event : KeyUse.EventWithoutValidity;

    private static SignatureFate FateOf(
        Signature signature,
        Dictionary<string, IReadOnlyDictionary<string, ServerKey>> found,
        ReadOnlySpan<byte> signedBytes) =>
        !found.TryGetValue(signature.Entity, out var keys) || !keys.TryGetValue(signature.KeyId, out var key)
            ? SignatureFate.Skipped
            : Ed25519.Verify(key.PublicKey.Span, signedBytes, signature.Bytes)
                ? SignatureFate.Valid
                : SignatureFate.Invalid;
}
