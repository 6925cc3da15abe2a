namespace Matrix.Host.Users.OAuth;

/// <summary>An error in the words of OAuth.</summary>
/// <param name="Code">Its code, such as `invalid_grant`. RFC 6749, 7591, 8628.</param>
/// <param name="Description">A sentence for developers, in ASCII without quotes.</param>
public sealed record OAuthError(string Code, string Description)
{
#pragma warning disable CS1591 // Each name is its code.
    public const string AccessDenied = "access_denied";
    public const string AuthorizationPending = "authorization_pending";
    public const string ExpiredToken = "expired_token";
    public const string InvalidClient = "invalid_client";
    public const string InvalidClientMetadata = "invalid_client_metadata";
    public const string InvalidGrant = "invalid_grant";
    public const string InvalidRedirectUri = "invalid_redirect_uri";
    public const string InvalidRequest = "invalid_request";
    public const string InvalidScope = "invalid_scope";
    public const string InteractionRequired = "interaction_required";
    public const string RequestNotSupported = "request_not_supported";
    public const string RequestUriNotSupported = "request_uri_not_supported";
    public const string ServerError = "server_error";
    public const string SlowDown = "slow_down";
    public const string TemporarilyUnavailable = "temporarily_unavailable";
    public const string UnauthorizedClient = "unauthorized_client";
    public const string UnsupportedGrantType = "unsupported_grant_type";
    public const string UnsupportedResponseType = "unsupported_response_type";
#pragma warning restore CS1591

    /// <summary>`invalid_client`: the client is unknown.</summary>
    public static OAuthError UnknownClient { get; } = new(InvalidClient, "The client_id is unknown: register again.");
}

/// <summary>A value, or an error of OAuth.</summary>
public readonly record struct OAuthResult<T>(T? Value, OAuthError? Error)
    where T : class
{
    /// <summary>A value.</summary>
    public static implicit operator OAuthResult<T>(T value) => new(value, null);

    /// <summary>An error.</summary>
    public static implicit operator OAuthResult<T>(OAuthError error) => new(null, error);
}
