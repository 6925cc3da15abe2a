using Matrix.Host.Api.Client.ContactInformation;
using Matrix.Host.Api.Http;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Rooms.Inviting;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.RoomMembership;

/// <summary>
/// Invites by a third-party identifier, which need a lookup at the identity server that the client names.
/// v1.19 client-server-api#third-party-invites
/// </summary>
internal static class InvitesByAddress
{
    private static readonly string[] _required = ["medium", "address", "id_server"];

    /// <summary>Whether a body invites by a third-party identifier and not by a user id.</summary>
    internal static bool IsOne(BodyReader body) => !body.Has("user_id") && Array.Exists(_required, body.Has);

    /// <summary>Reads such an invite.</summary>
    internal static AddressInvite Read(BodyReader invite)
    {
        var texts = Array.ConvertAll(_required, invite.Text);
        for (var i = 0; i < _required.Length; i++)
        {
            if (texts[i] is null)
            {
                invite.Refuse(MatrixError.MissingParam, $"`{invite.PathOf(_required[i])}` is missing.");
            }
        }

        // Clients before version 1.1 have no token.
        var token = invite.Text("id_access_token") ?? "";
        var server = IdentityServerNames.Read(texts[2]) ?? "";
        var read = ThirdPartyId.Read(texts[0] ?? "", texts[1] ?? "");
        if (invite.Problem is null && read is null)
        {
            invite.Refuse(
                MatrixError.InvalidParam, $"`{invite.PathOf("address")}` is no mail address or phone number.");
        }

        return new AddressInvite(
            new NamedIdentityServer(server, token), read?.Medium ?? "", read?.Address ?? "");
    }

    /// <summary>Why the identity server of an invite is not asked; null if it is.</summary>
    internal static Answer? Refusal(AddressInvites addresses, AddressInvite invite) =>
        !addresses.Trusts(invite.Server.Name) ? IdentityAnswers.Untrusted
        : invite.Server.AccessToken.Length == 0
            ? Answer.Error(400, MatrixError.MissingParam, "`id_access_token` is missing.")
        : null;

    /// <summary>The response to a failed invite.</summary>
    internal static Answer Of(AddressInviteFailure failure) => failure.Room is { } room
        ? RoomAnswers.Of(room)
        : IdentityAnswers.Of(failure.Identity!);
}
