using Matrix.Core.Ident;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Federation;

/// <summary>Checks that other servers ask for this server's users only.</summary>
internal static class LocalNames
{
    /// <summary>Whether this is the id of a user of this server, existing or not.</summary>
    internal static bool IsLocalUser(this FederationOptions server, string userId) =>
        UserId.IsValid(userId) && UserId.Server(userId) == server.ServerName;

    /// <summary>Refuses a body that names users of other servers.</summary>
    internal static void CheckLocal(this FederationOptions server, BodyReader body, IEnumerable<string> userIds)
    {
        foreach (var userId in userIds)
        {
            if (!server.IsLocalUser(userId))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{userId}` is not a user of this server.");
            }
        }
    }
}
