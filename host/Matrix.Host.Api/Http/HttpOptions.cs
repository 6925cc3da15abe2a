namespace Matrix.Host.Api.Http;

/// <summary>Bounds of requests. Configuration: `limits`.</summary>
/// <param name="Body">Bytes of an ordinary body.</param>
/// <param name="EventBody">Bytes of a body that becomes one event.</param>
/// <param name="LargeBody">Bytes of a body with many keys, messages or events.</param>
/// <param name="TrustForwardedFor">Whether a proxy in front names the client in `X-Forwarded-For`.</param>
public sealed record HttpOptions(int Body, int EventBody, int LargeBody, bool TrustForwardedFor)
{
    /// <summary>The bytes of a limit.</summary>
    public int BytesOf(BodyLimit limit) => limit switch
    {
        BodyLimit.Event => EventBody,
        BodyLimit.Large => LargeBody,
        _ => Body,
    };
}

/// <summary>One class's rate.</summary>
/// <param name="PerSecond">Requests a second in the long run.</param>
/// <param name="Burst">Requests at once after a pause.</param>
public readonly record struct Rate(double PerSecond, double Burst);

/// <summary>Rates by class. Configuration: `rate_limits`.</summary>
/// <param name="Enabled">Whether requests are limited at all.</param>
/// <param name="Login">Of <see cref="RateClass.Login"/>.</param>
/// <param name="Password">Of <see cref="RateClass.Password"/>.</param>
/// <param name="KnownLogin">Of <see cref="RateClass.KnownLogin"/>.</param>
/// <param name="Registration">Of <see cref="RateClass.Registration"/>.</param>
/// <param name="Send">Of <see cref="RateClass.Send"/>.</param>
/// <param name="Membership">Of <see cref="RateClass.Membership"/>.</param>
/// <param name="Other">Of <see cref="RateClass.Other"/>.</param>
/// <param name="Tracked">How many users and addresses are remembered.</param>
public sealed record RateLimitOptions(
    bool Enabled, Rate Login, Rate Password, Rate KnownLogin, Rate Registration, Rate Send, Rate Membership, Rate Other, int Tracked)
{
    /// <summary>Of <see cref="RateClass.Recursion"/>.</summary>
    public Rate Recursion { get; init; } = new(5, 50);

    /// <summary>The rate of a class; null if it is not limited.</summary>
    public Rate? RateOf(RateClass kind) => !Enabled
        ? null
        : kind switch
        {
            RateClass.Login => Login,
            RateClass.Password => Password,
            RateClass.KnownLogin => KnownLogin,
            RateClass.Registration => Registration,
            RateClass.Send => Send,
            RateClass.Membership => Membership,
            RateClass.Other => Other,
            RateClass.Recursion => Recursion,
            _ => null,
        };
}
