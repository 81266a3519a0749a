# Everybody may come in, except those whom the condition helper "watchlist"
# (a program of its own, see examples/plugins) has on its list. While the helper
# cannot answer, nobody comes in.
package sallyport.policies.watchlist

default allow := false

allow if not plugin.watchlist.listed(input.request.user.username)

messages contains "You are on the watch list." if not allow
