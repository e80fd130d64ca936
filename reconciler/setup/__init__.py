"""What `reconciler init` does: `answers` holds what the site file will say, `probe` finds some of it on a host,
`live_check` tries it on the live system, `site_text` and `repository` write it down."""
