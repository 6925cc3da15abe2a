using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// The keys that were found for events of one response, so that thousands of events by a few keys do not look for them
/// one by one. Thread-safe.
/// </summary>
internal sealed class FoundKeys
{
    private readonly ConcurrentDictionary<(string Server, string KeyId), ServerKey> _keys = new();

    /// <summary>Keeps keys of a server.</summary>
    internal void Add(string server, IReadOnlyDictionary<string, ServerKey> found)
    {
        foreach (var (id, key) in found) _keys.TryAdd((server, id), key);
    }

    /// <summary>
    /// The signatures of an event, checked by the kept keys; null unless there is a key, valid at the event's time, for
    /// each signature that counts.
    /// </summary>
    internal CheckedSignature[]? Check(RoomRules rules, ReceivedPdu pdu)
    {
        var signatures = pdu.Signatures;
        var required = pdu.RequiredSigners;
        var authorising = pdu.AuthorisingServer;
        var use = SignatureChecker.UseOf(rules);
        var signers = new ServerKey?[signatures.Length];
        for (var i = 0; i < signatures.Length; i++)
        {
            var entity = signatures[i].Entity;
            if (entity != authorising && Array.IndexOf(required, entity) < 0) continue;
            if (!_keys.TryGetValue((entity, signatures[i].KeyId), out var key)
                || !key.IsValid(pdu.OriginServerTs, use))
            {
                return null;
            }

            signers[i] = key;
        }

        var fates = new CheckedSignature[signatures.Length];
        for (var i = 0; i < fates.Length; i++)
        {
            var fate = signers[i] is not { } key ? SignatureFate.Skipped
                : Ed25519.Verify(key.PublicKey.Span, pdu.SignedBytes.Span, signatures[i].Bytes) ? SignatureFate.Valid
                : SignatureFate.Invalid;
            fates[i] = new CheckedSignature(signatures[i], fate);
        }

        return fates;
    }
}
