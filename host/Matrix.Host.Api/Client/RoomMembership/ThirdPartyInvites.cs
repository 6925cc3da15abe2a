using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.RoomMembership;

/// <summary>
/// Invitations by an address, which the identity server that the client names would be asked about. This server asks
/// none. Client-Server API, "Third-party invites".
/// </summary>
internal static class ThirdPartyInvites
{
    private static readonly string[] _required = ["medium", "address", "id_server"];

    /// <summary>Whether a body invites by an address and not by a user id.</summary>
    internal static bool IsOne(BodyReader body) => !body.Has("user_id") && Array.Exists(_required, body.Has);

    /// <summary>Refuses such an invitation: for what it lacks, or because its identity server is not trusted.</summary>
    internal static void Refuse(BodyReader invite)
    {
        foreach (var name in _required)
        {
            if (invite.Text(name) is null) invite.Refuse(MatrixError.MissingParam, $"`{invite.PathOf(name)}` is missing.");
        }

        // Clients of before version 1.1 have no token to show.
        _ = invite.Text("id_access_token");
        invite.Refuse(MatrixError.ServerNotTrusted, "This server trusts no identity server to look up whom to invite.");
    }
}
