using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.RateLimits;

/// <summary>The changes of users' limits as bytes.</summary>
internal static class RateLimitChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<RateLimitSet>(
            67,
            static (to, op) => to.Text(op.Limit.UserId).Int(op.Limit.PerSecond).Int(op.Limit.Burst),
            static from => new RateLimitSet(new UserRateLimit(from.Text(), from.Int32(), from.Int32()))),
        ChangeFormat.Of<RateLimitRemoved>(
            68,
            static (to, op) => to.Text(op.UserId),
            static from => new RateLimitRemoved(from.Text())),
    ];
}
