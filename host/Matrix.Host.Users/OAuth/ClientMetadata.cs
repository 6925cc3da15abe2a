using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Json;

namespace Matrix.Host.Users.OAuth;

/// <summary>The metadata that a client registered. v1.19 client-server-api#client-metadata</summary>
public sealed record ClientMetadata
{
    /// <summary>The grant of an authorization code.</summary>
    public const string CodeGrant = "authorization_code";

    /// <summary>The grant of a refresh token.</summary>
    public const string RefreshGrant = "refresh_token";

    /// <summary>The grant of a device code.</summary>
    public const string DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

    private const int LongestName = 100;
    private const int MostRedirectUris = 20;

    private ClientMetadata(string clientUri, string clientHost) => (ClientUri, ClientHost) = (clientUri, clientHost);

    /// <summary>The grants that this server knows.</summary>
    public static IReadOnlyList<string> Grants { get; } = [CodeGrant, RefreshGrant, DeviceGrant];

    /// <summary>A page about the client.</summary>
    public string ClientUri { get; }

    /// <summary>The host of that page.</summary>
    public string ClientHost { get; }

    /// <summary>The name that the client gives itself; null for none.</summary>
    public string? Name { get; private init; }

    /// <summary>Its logo, which this server never fetches; null for none.</summary>
    public string? LogoUri { get; private init; }

    /// <summary>Its terms of service; null for none.</summary>
    public string? TermsUri { get; private init; }

    /// <summary>Its policy; null for none.</summary>
    public string? PolicyUri { get; private init; }

    /// <summary>The redirect URIs.</summary>
    public IReadOnlyList<string> RedirectUris { get; private init; } = [];

    /// <summary>The grants that the client may use, of those that this server knows.</summary>
    public IReadOnlyList<string> GrantTypes { get; private init; } = [];

    /// <summary>Whether it is a native application.</summary>
    public bool IsNative { get; private init; }

    /// <summary>The metadata of a registration, or why it is refused.</summary>
    public static OAuthResult<ClientMetadata> Read(JsonObject body)
    {
        if (FirstOfWrongType(body) is { } wrong) return Refused($"{wrong} has the wrong type.");
        if (body.Text("client_uri") is not { } clientUri) return Refused("client_uri is missing.");
        if (WebAddress.TryParse(clientUri) is not { IsPlainHttps: true, Host: { } host })
        {
            return Refused("client_uri must be a https URL without a user.");
        }

        foreach (var name in (string[])["logo_uri", "tos_uri", "policy_uri"])
        {
            if (body.Text(name) is not { } uri) continue;
            if (WebAddress.TryParse(uri) is not { IsPlainHttps: true } address || !address.IsWithin(host))
            {
                return Refused($"{name} must be a https URL on the host of client_uri or a subdomain of it.");
            }
        }

        var type = body.Text("application_type") ?? "web";
        if (type is not ("web" or "native")) return Refused("application_type must be web or native.");
        if (body.Text("token_endpoint_auth_method") is { } method and not "none")
        {
            return Refused("token_endpoint_auth_method must be none.");
        }

        if (body.Text("client_name") is { Length: > LongestName })
        {
            return Refused($"client_name must have at most {LongestName} characters.");
        }

        if (body.Text("client_name") is { } given && NameOf(given) is null)
        {
            return Refused("client_name shows nothing.");
        }

        return ReadGrants(body, new ClientMetadata(clientUri, host)
        {
            Name = NameOf(body.Text("client_name")),
            LogoUri = body.Text("logo_uri"),
            TermsUri = body.Text("tos_uri"),
            PolicyUri = body.Text("policy_uri"),
            IsNative = type == "native",
        });
    }

    /// <summary>The metadata as JSON: what is stored, and what the client gets.</summary>
    public JsonObject ToJson()
    {
        var members = new List<(string, Json)>
        {
            ("application_type", Json.Of(IsNative ? "native" : "web")),
            ("client_uri", Json.Of(ClientUri)),
            ("grant_types", Texts(GrantTypes)),
            ("redirect_uris", Texts(RedirectUris)),
            ("response_types", Texts(GrantTypes.Contains(CodeGrant) ? ["code"] : [])),
            ("token_endpoint_auth_method", Json.Of("none")),
        };
        Add("client_name", Name);
        Add("logo_uri", LogoUri);
        Add("tos_uri", TermsUri);
        Add("policy_uri", PolicyUri);
        return JsonObject.OfSeq(members);

        void Add(string name, string? text)
        {
            if (text is not null) members.Add((name, Json.Of(text)));
        }
    }

    /// <summary>The id of a client with this metadata: equal metadata has the same id.</summary>
    public static string IdOf(ReadOnlySpan<byte> metadata) => Base64Url.EncodeToString(SHA256.HashData(metadata));

    private static OAuthResult<ClientMetadata> ReadGrants(JsonObject body, ClientMetadata metadata)
    {
        var grants = TextsOf(body, "grant_types") ?? [CodeGrant];
        var known = Grants.Where(grants.Contains).ToArray();
        var hasCode = known.Contains(CodeGrant);
        if (!hasCode && !known.Contains(DeviceGrant)) return Refused("grant_types has no grant that begins a session.");
        if (hasCode && TextsOf(body, "response_types") is { } types && !types.Contains("code"))
        {
            return Refused("response_types must have code.");
        }

        var uris = TextsOf(body, "redirect_uris") ?? [];
        if (hasCode && uris.Length == 0)
        {
            return new OAuthError(OAuthError.InvalidRedirectUri, "redirect_uris is missing.");
        }

        if (uris.Length > MostRedirectUris)
        {
            return new OAuthError(
                OAuthError.InvalidRedirectUri, $"redirect_uris must have at most {MostRedirectUris} elements.");
        }

        foreach (var uri in uris)
        {
            if (OAuth.RedirectUris.Judge(uri, metadata.ClientHost, metadata.IsNative) is { } why)
            {
                return new OAuthError(OAuthError.InvalidRedirectUri, why);
            }
        }

        return metadata with { GrantTypes = known, RedirectUris = [.. uris.Distinct(StringComparer.Ordinal)] };
    }

    private static string? FirstOfWrongType(JsonObject body)
    {
        string[] texts =
        [
            "client_uri", "client_name", "logo_uri", "tos_uri", "policy_uri", "application_type",
            "token_endpoint_auth_method",
        ];
        string[] lists = ["redirect_uris", "response_types", "grant_types"];
        return texts.FirstOrDefault(name => body.Has(name) && body.Text(name) is null)
            ?? lists.FirstOrDefault(name => body.Has(name) && TextsOf(body, name) is null);
    }

    /// <summary>An array of strings; null if it is none.</summary>
    private static string[]? TextsOf(JsonObject body, string name) =>
        body.IndexOf(name) is >= 0 and var at
        && body.Value(at) is Json.Array list
        && Array.TrueForAll(list.Item, static item => item.IsString)
            ? Array.ConvertAll(list.Item, static item => ((Json.String)item).Item)
            : null;

    /// <summary>The name without what would show other text than it has: control and format characters.</summary>
    private static string? NameOf(string? name)
    {
        if (name is null) return null;
        var shown = string.Concat(
            name.EnumerateRunes().Where(IsShown).Select(static rune => rune.ToString())).Trim();
        return shown.EnumerateRunes().Any(IsSeen) ? shown : null;
    }

    /// <summary>Whether a character leaves a mark by itself: some letters and symbols are blank.</summary>
    private static bool IsSeen(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
            UnicodeCategory.SpaceSeparator or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse
            or UnicodeCategory.Surrogate)
        && rune.Value is not (0x115F or 0x1160 or 0x2800 or 0x3164 or 0xFFA0 or 0x1D159);

    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator);

    private static Json Texts(IEnumerable<string> texts) => Json.Of([.. texts.Select(Json.Of)]);

    private static OAuthError Refused(string why) => new(OAuthError.InvalidClientMetadata, why);
}
