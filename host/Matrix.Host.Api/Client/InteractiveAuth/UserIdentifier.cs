using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>Reads the user of a login. Client-Server API, "Identifier types".</summary>
internal static class UserIdentifier
{
    /// <summary>
    /// The user id given by `identifier`, or by the older `user`. Null for an address or phone number: this server
    /// knows none. Mistakes are recorded in the reader.
    /// </summary>
    internal static string? Read(BodyReader body, string serverName)
    {
        if (body.Inner("identifier") is not { } identifier)
        {
            if (body.Text("user") is { } user) return UserIdOf(user, serverName);
            if (body.Text("medium") is not null && body.Text("address") is not null) return null;
            body.Refuse(MatrixError.BadJson, $"`{body.PathOf("identifier")}` is missing.");
            return null;
        }

        // The specification's example of a login by address has no type.
        if (!identifier.Has("type") && identifier.Text("medium") is not null && identifier.Text("address") is not null)
        {
            return null;
        }

        switch (identifier.RequiredText("type"))
        {
            case "m.id.user":
                return UserIdOf(identifier.RequiredText("user"), serverName);
            case "m.id.thirdparty":
                _ = identifier.RequiredText("medium");
                _ = identifier.RequiredText("address");
                return null;
            case "m.id.phone":
                _ = identifier.RequiredText("country");
                _ = identifier.RequiredText("phone");
                return null;
            default:
                body.Refuse(MatrixError.Unrecognized, "The type of the identifier is unknown.");
                return null;
        }
    }

    private static string UserIdOf(string user, string serverName) =>
        user.StartsWith('@') ? user : $"@{user}:{serverName}";
}
