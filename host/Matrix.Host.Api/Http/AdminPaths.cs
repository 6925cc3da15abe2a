using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.Host.Api.Http;

/// <summary>The paths of the administration API, which can have a listener of its own.</summary>
public static class AdminPaths
{
    /// <summary>What all its paths begin with.</summary>
    internal const string Prefix = "/_synapse/admin/";

    /// <summary>The admin page.</summary>
    internal const string FirstPage = Prefix + "page";

    /// <summary>Registration with a shared secret. It has no token, and stays where clients register.</summary>
    private const string Registration = Prefix + "v1/register";

    /// <summary>Whether a path belongs to the administration API.</summary>
    public static bool Serves(string? path) =>
        path is not null && path.StartsWith(Prefix, StringComparison.Ordinal) && path != Registration;

    /// <summary>
    /// Whether a request may be one for the administration API: by the path as sent, by which routes are found, or as
    /// the web server reads it.
    /// </summary>
    public static bool MayServe(HttpContext http) =>
        Serves(http.Request.Path.Value) || Serves(SentPath(http));

    /// <summary>Whether it is one by both.</summary>
    public static bool Serves(HttpContext http) =>
        Serves(http.Request.Path.Value) && Serves(SentPath(http));

    private static string SentPath(HttpContext http) =>
        RequestPath.PathOf(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).ToString();

    /// <summary>Refuses a request: this listener does not serve the path.</summary>
    public static async Task RefuseAsync(HttpContext http) =>
        await Answer.UnknownPath.SendAsync(http.Response);
}
