using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.RoomMembership;

/// <summary>
/// Invites by a third-party identifier, which need a lookup at the identity server that the client names. This server
/// trusts no identity server. Client-Server API, "Third-party invites".
/// </summary>
internal static class ThirdPartyInvites
{
    private static readonly string[] _required = ["medium", "address", "id_server"];

    /// <summary>Whether a body invites by a third-party identifier and not by a user id.</summary>
    internal static bool IsOne(BodyReader body) => !body.Has("user_id") && Array.Exists(_required, body.Has);

    /// <summary>Refuses such an invite: for a missing member, or because its identity server is not trusted.</summary>
    internal static void Refuse(BodyReader invite)
    {
        foreach (var name in _required)
        {
            if (invite.Text(name) is null)
            {
                invite.Refuse(MatrixError.MissingParam, $"`{invite.PathOf(name)}` is missing.");
            }
        }

        // Clients before version 1.1 have no token.
        _ = invite.Text("id_access_token");
        invite.Refuse(
            MatrixError.ServerNotTrusted,
            "This server trusts no identity server, so it cannot invite by a third-party identifier.");
    }
}
