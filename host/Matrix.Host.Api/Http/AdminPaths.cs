using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>The paths of the administration API, which can have a listener of its own.</summary>
public static class AdminPaths
{
    /// <summary>What all its paths begin with.</summary>
    internal const string Prefix = "/_synapse/admin/";

    /// <summary>Registration with a shared secret. It has no token, and stays where clients register.</summary>
    private const string Registration = Prefix + "v1/register";

    /// <summary>Whether a path belongs to the administration API.</summary>
    public static bool Serves(string? path) =>
        path is not null && path.StartsWith(Prefix, StringComparison.Ordinal) && path != Registration;

    /// <summary>Refuses a request: this listener does not serve the path.</summary>
    public static async Task RefuseAsync(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        await Answer.UnknownPath.SendAsync(http.Response).ConfigureAwait(false);
    }
}
