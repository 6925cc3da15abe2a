using Matrix.Host.Api.Http;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>Tries of passwords count among the requests.</summary>
internal sealed class GuessLimits(RateLimiter limiter) : IGuessLimits
{
    public TimeSpan Take(string userId) => limiter.Take(RateClass.Password, userId);

    public TimeSpan TakeKnown(string userId, string address) => limiter.Take(RateClass.KnownLogin, $"{userId} {address}");
}
