namespace Matrix.Host.Users.OAuth;

/// <summary>The parameters of an authorization request as they came; null where one is missing.</summary>
/// <param name="Get">The value of a parameter.</param>
/// <param name="Repeated">The name of a parameter that came several times; null if none did.</param>
public sealed record AuthorizationParameters(Func<string, string?> Get, string? Repeated);

/// <summary>A valid authorization request. v1.19 client-server-api#authorisation-code-flow</summary>
/// <param name="Client">The client.</param>
/// <param name="RedirectUri">One of its redirect URIs, with a port where the loopback interface has one.</param>
/// <param name="InFragment">Whether the response is in the fragment.</param>
/// <param name="State">What the client gets back; null for nothing.</param>
/// <param name="Scope">What is asked for.</param>
/// <param name="Challenge">The code challenge (S256).</param>
/// <param name="CreatesAccount">Whether the user wants to register first.</param>
public sealed record AuthorizationRequest(
    OAuthClient Client,
    string RedirectUri,
    bool InFragment,
    string? State,
    OAuthScope Scope,
    string Challenge,
    bool CreatesAccount);

/// <summary>
/// The outcome of reading a request: the request, an error for the client, or an error for the user. Only a valid
/// client with one of its redirect URIs gets errors, because anyone else would use this server to redirect browsers.
/// </summary>
public abstract record AuthorizationReading
{
    private AuthorizationReading()
    {
    }

    /// <summary>The request is valid.</summary>
    public sealed record Valid(AuthorizationRequest Request) : AuthorizationReading;

    /// <summary>The client gets the error.</summary>
    public sealed record ForClient(string RedirectUri, bool InFragment, string? State, OAuthError Error)
        : AuthorizationReading;

    /// <summary>The user sees why nothing happens.</summary>
    public sealed record ForUser(string Message) : AuthorizationReading;
}

/// <summary>Reads authorization requests. RFC 6749, section "Authorization Request"; RFC 7636; RFC 9700.</summary>
public sealed class AuthorizationRequests(OAuthClients clients)
{
    private const int ChallengeLength = 43;
    private const int LongestState = 2048;

    /// <summary>Reads a request.</summary>
    public async ValueTask<AuthorizationReading> ReadAsync(AuthorizationParameters given, CancellationToken stop)
    {
        if (given.Repeated is "client_id" or "redirect_uri")
        {
            return new AuthorizationReading.ForUser("The application's request names itself more than once.");
        }

        if (await clients.FindAsync(given.Get("client_id"), stop) is not { } client)
        {
            return new AuthorizationReading.ForUser("This server does not know the application. Start again in it.");
        }

        if (given.Get("redirect_uri") is not { } redirect
            || !RedirectUris.Matches(client.Metadata.RedirectUris, redirect))
        {
            return new AuthorizationReading.ForUser(
                "The application wants the answer at an address that it did not register.");
        }

        var isFragment = given.Get("response_mode") == "fragment" && given.Repeated != "response_mode";
        var state = given.Repeated == "state" ? null : given.Get("state");
        if (state is { Length: > LongestState }) state = null;
        return Read(client, redirect, isFragment, state, given) switch
        {
            { Value: { } request } => new AuthorizationReading.Valid(request),
            { Error: var error } => new AuthorizationReading.ForClient(redirect, isFragment, state, error!),
        };
    }

    private static OAuthResult<AuthorizationRequest> Read(
        OAuthClient client, string redirect, bool inFragment, string? state, AuthorizationParameters given)
    {
        if (given.Repeated is not null) return Invalid("A parameter is repeated.");
        if (given.Get("request") is not null) return Error(OAuthError.RequestNotSupported, "request is not supported.");
        if (given.Get("request_uri") is not null)
        {
            return Error(OAuthError.RequestUriNotSupported, "request_uri is not supported.");
        }

        if (given.Get("state") is { Length: > LongestState })
        {
            return Invalid($"state must have at most {LongestState} characters.");
        }

        if (given.Get("response_type") is not { } type) return Invalid("response_type is missing.");
        if (type != "code") return Error(OAuthError.UnsupportedResponseType, "response_type must be code.");
        if (!client.Metadata.GrantTypes.Contains(ClientMetadata.CodeGrant))
        {
            return Error(OAuthError.UnauthorizedClient, "The client did not register this grant.");
        }

        if (given.Get("response_mode") is not (null or "query" or "fragment"))
        {
            return Invalid("response_mode must be query or fragment.");
        }

        if (given.Get("code_challenge_method") != "S256") return Invalid("code_challenge_method must be S256.");
        if (given.Get("code_challenge") is not { Length: ChallengeLength } challenge || !challenge.All(IsUrlSafe))
        {
            return Invalid("code_challenge must be a SHA-256 in unpadded base64url.");
        }

        var prompts = (given.Get("prompt") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (prompts.Contains("none")) return Error(OAuthError.InteractionRequired, "The user has to decide.");

        var scope = OAuthScope.Read(given.Get("scope"));
        if (scope.Value is not { } asked) return scope.Error!;
        return new AuthorizationRequest(
            client, redirect, inFragment, state, asked, challenge, prompts.Contains("create"));
    }

    private static bool IsUrlSafe(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_';

    private static OAuthError Invalid(string why) => new(OAuthError.InvalidRequest, why);

    private static OAuthError Error(string code, string why) => new(code, why);
}
