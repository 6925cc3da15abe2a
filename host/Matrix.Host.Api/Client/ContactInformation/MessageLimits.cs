using Matrix.Host.Api.Http;
using Matrix.Host.Network;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.ContactInformation;

/// <summary>Counts messages to addresses, and tries of their codes, in the rate limiter of requests.</summary>
internal sealed class MessageLimits(RateLimiter limiter) : IMessageLimits
{
    private const string All = "all";

    public TimeSpan Take(string asker, string mailbox)
    {
        var wait = limiter.Take(RateClass.MessagesFrom, AddressBlock.Of(asker));
        if (wait > TimeSpan.Zero) return wait;
        wait = limiter.Take(RateClass.MessagesTo, mailbox);
        return wait > TimeSpan.Zero ? wait : limiter.Take(RateClass.AllMessages, All);
    }

    public TimeSpan TakeTry(string number) => limiter.Take(RateClass.TextCodes, number);
}
