using Matrix.Host.Storage.Formats;

namespace Matrix.Host.Storage.Tables.ThreadSubscriptions;

/// <summary>The changes of subscriptions to threads as bytes.</summary>
internal static class ThreadSubscriptionChangeFormats
{
    public static IReadOnlyList<ChangeFormat> All { get; } =
    [
        ChangeFormat.Of<ThreadSubscribed>(
            26,
            static (to, op) => to.Room(op.Room).Text(op.RootId).Text(op.UserId).IntOrNull(op.Cause).Int(op.Most),
            static from => new ThreadSubscribed(
                from.Room(), from.Text(), from.Text(), from.IntOrNull(), from.Int32())),
        ChangeFormat.Of<ThreadUnsubscribed>(
            27,
            static (to, op) => to.Room(op.Room).Text(op.RootId).Text(op.UserId),
            static from => new ThreadUnsubscribed(from.Room(), from.Text(), from.Text())),
        ChangeFormat.Of<EndedThreadsForgotten>(
            28,
            static (to, op) => to.Text(op.UserId),
            static from => new EndedThreadsForgotten(from.Text())),
    ];
}
