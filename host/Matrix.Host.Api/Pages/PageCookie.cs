using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Pages;

/// <summary>
/// A cookie of this server's pages: scripts cannot read it, no other host can set it, and requests from other sites
/// have it only if they open a page, or never. Without TLS (on loopback) it has neither the prefix nor `Secure`.
/// </summary>
/// <param name="name">The name without a prefix.</param>
/// <param name="isSecure">Whether browsers reach this server by TLS.</param>
/// <param name="isStrict">Whether requests from other sites never have it.</param>
internal sealed class PageCookie(string name, bool isSecure, bool isStrict = false)
{
    private readonly string _name = isSecure ? $"__Host-{name}" : name;

    /// <summary>The value in a request; null if it has none, or several.</summary>
    internal string? Read(Call call)
    {
        string? found = null;
        foreach (var header in call.Http.Request.Headers.Cookie)
        {
            foreach (var part in (header ?? "").Split(';'))
            {
                var pair = part.Trim();
                if (!pair.StartsWith(_name + "=", StringComparison.Ordinal)) continue;
                if (found is not null) return null;
                found = pair[(_name.Length + 1)..];
            }
        }

        return found;
    }

    /// <summary>The `Set-Cookie` of a value, until the browser ends or for a time.</summary>
    internal string Write(string value, TimeSpan? lifetime = null)
    {
        var age = lifetime is { } time ? $"; Max-Age={(long)time.TotalSeconds}" : "";
        var sites = isStrict ? "Strict" : "Lax";
        return $"{_name}={value}; Path=/; HttpOnly; SameSite={sites}{(isSecure ? "; Secure" : "")}{age}";
    }

    /// <summary>The `Set-Cookie` that deletes it.</summary>
    internal string Delete() => Write("", TimeSpan.Zero);
}
