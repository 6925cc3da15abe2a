using Matrix.Host.Network;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Http;

/// <summary>Counts requests of clients. v1.19 client-server-api#rate-limiting</summary>
public sealed class ClientRates(RateLimiter limiter, RateOverrides overrides, KnownLogins known)
{
    /// <summary>Counts a request of a route. The time to wait if it is too much.</summary>
    internal TimeSpan Take(Route route, AppService? service, Caller? caller, string address) =>
        !IsLimited(service, caller) ? TimeSpan.Zero
        : caller is not null && route.Options.Rate == RateClass.Send && overrides.Find(caller.UserId) is { } rate
            ? limiter.Take(RateClass.Send, caller.UserId, rate)
        : limiter.Take(route.Options.Rate, CountedBy(caller, route.Options.Rate, address));

    /// <summary>Counts what a request does beyond one of its route. The time to wait if it is too much.</summary>
    /// <param name="count">How many requests it counts as.</param>
    /// <param name="taken">How many of these the route's rate has counted.</param>
    internal TimeSpan Take(Call call, RateClass rate, int count, int taken) =>
        IsLimited(call.Service, call.CallerIfAny)
            ? limiter.Take(rate, CountedBy(call.CallerIfAny, rate, call.Address), count, taken)
            : TimeSpan.Zero;

    /// <summary>
    /// Whether rates hold for a caller. v1.19 application-service-api#registration: `rate_limited`.
    /// </summary>
    private static bool IsLimited(AppService? service, Caller? caller) =>
        service is null || (service.IsRateLimited && caller is not null && caller.UserId != service.SenderId);

    /// <summary>
    /// By whom requests are counted. A user's confirmations at an address where they logged in lately do not end by
    /// those of somebody elsewhere who has their token.
    /// </summary>
    private string CountedBy(Caller? caller, RateClass rate, string address) =>
        caller is null ? AddressBlock.Of(address)
        : rate == RateClass.Login && known.Knows(caller.UserId, address) ? $"{caller.UserId} {address}"
        : caller.UserId;
}
