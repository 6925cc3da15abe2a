using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Checks what an identity server signed against the third-party invites of a room.
/// v1.19 server-server-api#third-party-invites
/// </summary>
internal sealed class ThirdPartyProofs(IdentityKeys keys, StateReader state)
{
    /// <summary>The most keys whose identity server is asked.</summary>
    private const int MaxKeys = 5;

    /// <summary>
    /// The content of the invite, if the identity server's signature is by a key of the third-party invite in the
    /// room's state, and the key is still valid.
    /// </summary>
    internal async ValueTask<RoomResult<JsonObject>> ContentAsync(
        RoomSnapshot snapshot, JsonObject signed, CancellationToken stop)
    {
        var invitation = await state.EventAsync(snapshot, EventTypes.ThirdPartyInvite, signed.Text("token")!, stop);
        if (invitation is null) return InviteFailures.Refused("The room has no third-party invite with that token.");
        var verified = ThirdPartyKeys.Verified(
            (key, message, signature) => Ed25519.Verify(key, message, signature), invitation.Pdu, signed);
        if (verified.Length == 0)
        {
            return InviteFailures.Refused("The token is not signed by a key of the third-party invite.");
        }

        foreach (var key in verified.Take(MaxKeys))
        {
            if (await IsValidAsync(invitation.Pdu.Content, key, stop))
            {
                return ContentOf(invitation.Pdu.Content.Text("display_name") ?? "", signed);
            }
        }

        return InviteFailures.Refused("The identity server does not confirm that its key is valid.");
    }

    /// <summary>Whether a key of a third-party invite is valid. A key without an address for that always is.</summary>
    private async ValueTask<bool> IsValidAsync(JsonObject invitation, string key, CancellationToken stop)
    {
        var listed = JsonText.TryGet(invitation, "public_keys", out var list) && list is Json.Array { Item: var items }
            ? items.OfType<Json.Object>().Select(each => each.Item)
            : [];
        foreach (var named in listed.Prepend(invitation).Where(each => each.Text("public_key") == key).Take(MaxKeys))
        {
            if (named.Text("key_validity_url") is not { } url
                || await keys.IsValidAsync(url, key, stop))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The content of an invite.</summary>
    /// <param name="signed">What the identity server signed.</param>
    internal static JsonObject ContentOf(string displayName, JsonObject signed) => JsonObject.OfSeq(
    [
        ("membership", Json.Of("invite")),
        ("third_party_invite", Json.Of(JsonObject.OfSeq(
        [
            ("display_name", Json.Of(displayName)),
            ("signed", Json.Of(signed)),
        ]))),
    ]);
}
